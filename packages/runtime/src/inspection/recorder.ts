import type { EventObject, Snapshot } from 'xstate';
import type { Address } from '../actor/ref.ts';

/** An inspection event as XState makes it, but for `rootId`. Refs are XState's own of what runs inside a machine. */
export interface XStateInspection {
  readonly type: `@xstate.${'actor' | 'event' | 'microstep' | 'action' | 'snapshot'}`;
  readonly actorRef: unknown;
  readonly [field: string]: unknown;
}

/** An actor, as a recorder sees it. The same object for as long as the actor lives. */
export interface RecordedActor {
  readonly id: string;
  /** Computed each time. */
  readonly address: Address;
  /** Of an entity: the address by which others know it. */
  readonly entity?: Address | undefined;
  readonly parent: RecordedActor | undefined;
  readonly snapshot: Snapshot<unknown> | undefined;
}

/**
 * Told what the actors of one node do. A node without recorders pays one comparison per message; one with them pays for
 * what they do, on the actors' own stack. They must not throw; one that does is taken off.
 */
export interface Recorder {
  /** An actor begins a life, with its first snapshot. */
  started?(actor: RecordedActor, snapshot: Snapshot<unknown>): void;
  /** A transition was computed. What it does is not released yet; for an entity it is not committed either. */
  handled?(actor: RecordedActor, event: EventObject, snapshot: Snapshot<unknown>): void;
  /** The logic threw. */
  failed?(actor: RecordedActor, event: EventObject, error: unknown): void;
  /** What XState shows an inspector, of the actor and of what runs inside it. While anybody asks, no short way is taken. */
  inspected?(event: XStateInspection): void;
}

/** Several recorders as one. */
export class Recorders {
  readonly #all = new Set<Recorder>();
  readonly #onError: (error: unknown) => void;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Whether anybody wants what {@link Recorder.inspected} is told. */
  get inspect(): boolean {
    for (const recorder of this.#all) if (recorder.inspected) return true;
    return false;
  }

  inspected(event: XStateInspection): void {
    this.#tell((recorder) => recorder.inspected?.(event));
  }

  add(recorder: Recorder): void {
    this.#all.add(recorder);
  }

  delete(recorder: Recorder): void {
    this.#all.delete(recorder);
  }

  started(actor: RecordedActor, snapshot: Snapshot<unknown>): void {
    this.#tell((recorder) => recorder.started?.(actor, snapshot));
  }

  handled(actor: RecordedActor, event: EventObject, snapshot: Snapshot<unknown>): void {
    this.#tell((recorder) => recorder.handled?.(actor, event, snapshot));
  }

  failed(actor: RecordedActor, event: EventObject, error: unknown): void {
    this.#tell((recorder) => recorder.failed?.(actor, event, error));
  }

  #tell(act: (recorder: Recorder) => void): void {
    for (const recorder of this.#all) {
      try {
        act(recorder);
      } catch (error) {
        this.#all.delete(recorder);
        this.#onError(error);
      }
    }
  }
}
