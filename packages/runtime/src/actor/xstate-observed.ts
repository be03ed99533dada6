import { messageOf } from '@tutti/kernel';
import type { EventObject, Snapshot } from 'xstate';
import { AskedSelf } from './xstate-asked.ts';

type Next = (snapshot: Snapshot<unknown>) => void;

/** What XState lets one subscribe with. */
interface Observer {
  readonly next?: Next | undefined;
  readonly error?: ((error: unknown) => void) | undefined;
  readonly complete?: (() => void) | undefined;
}

/** Each time that one subscribes, also when it is the same one. */
interface Observation {
  readonly observer: Observer;
  readonly release: () => void;
}

/** The half of a `self` that others listen to: its snapshots, its end, and what it emits. Part of `xstate-self.ts`. */
export abstract class ObservedSelf extends AskedSelf {
  #listeners: Map<string, Set<(event: EventObject) => void>> | undefined;
  #observations: Set<Observation> | undefined;

  /**
   * An observer is told of the end of this life as well, by a failure or otherwise, before it counts as stopped, and of
   * nothing after that.
   */
  subscribe(first: Next | Observer | undefined, error?: Observer['error'], complete?: Observer['complete']) {
    const observer = typeof first === 'object' ? first : { next: first, error, complete };
    const release = this.cell.subscribe((snapshot) => observer.next?.(snapshot));
    const observations = (this.#observations ??= new Set());
    const observation = { observer, release };
    observations.add(observation);
    const unsubscribe = () => {
      observations.delete(observation);
      release();
    };
    return { unsubscribe };
  }

  /** By this other libraries know what can be subscribed to. */
  '@@observable'(): this {
    return this;
  }

  /** A part of the snapshot, told when it is another. */
  select<Part>(
    part: (snapshot: Snapshot<unknown>) => Part,
    isEqual: (a: Part, b: Part) => boolean = Object.is,
  ) {
    const get = () => part(this.getSnapshot());
    const subscribe = (observer: ((part: Part) => void) | { next?: (part: Part) => void }) => {
      const tell = typeof observer === 'function' ? observer : (next: Part) => observer.next?.(next);
      let last = get();
      return this.subscribe((snapshot) => {
        const next = part(snapshot);
        if (isEqual(last, next)) return;
        last = next;
        tell(next);
      });
    };
    return { get, subscribe };
  }

  abstract getSnapshot(): Snapshot<unknown>;

  on(type: string, listener: (event: EventObject) => void): { unsubscribe(): void } {
    this.#listeners ??= new Map();
    let own = this.#listeners.get(type);
    if (!own) this.#listeners.set(type, (own = new Set()));
    const each = (event: EventObject) => listener(event); // what listens twice is told twice
    own.add(each);
    return { unsubscribe: () => void own.delete(each) };
  }

  emit(event: EventObject): void {
    if (!this.#listeners) return;
    for (const key of [event.type, '*']) {
      // A copy: one that is renewed while it is told would have no end.
      for (const listener of Array.from(this.#listeners.get(key) ?? []))
        this.#tell(() => listener(event), 'a listener of emitted events threw');
    }
  }

  protected tellEnd(hasFailed: boolean, error: unknown): void {
    const observations = this.#observations;
    this.#observations = undefined;
    for (const { observer, release } of observations ?? []) {
      release();
      const tell = () => (hasFailed ? observer.error?.(error) : observer.complete?.());
      this.#tell(tell, 'an observer threw');
    }
  }

  #tell(call: () => void, text: string): void {
    try {
      call();
    } catch (error) {
      const fields = { actor: this.cell.address, problem: messageOf(error) };
      this.system.runtime.logger.error(fields, text);
    }
  }
}
