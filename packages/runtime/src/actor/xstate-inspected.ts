import type { EventObject, Snapshot } from 'xstate';
import type { HostingCell, HostRuntime } from './xstate-self.ts';

/** An event on its way: who sent it, and whether it was shown then. */
interface Sent {
  readonly source: unknown;
  readonly isShown: boolean;
}

/**
 * Sendings of one event object that are remembered until they are handled. What is dropped on its way never is, and an
 * object that is sent again and again would keep all of those.
 */
export const SENT_MAX = 1_024;

/**
 * What an inspector is shown of cells where XState's own `Actor` would tell it; the rest XState tells by itself. Part
 * of `xstate-adapter.ts`.
 */
export class InspectedCells {
  readonly #runtime: HostRuntime;
  /** In the order of sending: one event may be sent several times. */
  readonly #sent = new WeakMap<EventObject, Sent[]>();

  constructor(runtime: HostRuntime) {
    this.#runtime = runtime;
  }

  /** Whether anybody wants to see it. */
  isShown(cell: HostingCell): boolean {
    return !cell.isGuardian && this.#runtime.recorders?.inspect === true;
  }

  made(cell: HostingCell): void {
    const actorRef = this.#runtime.selfOf(cell);
    this.#runtime.recorders!.inspected({ type: '@xstate.actor', actorRef });
  }

  start(cell: HostingCell, event: EventObject): void {
    const actorRef = this.#runtime.selfOf(cell);
    const sourceRef = actorRef._parent;
    this.#runtime.recorders!.inspected({ type: '@xstate.event', sourceRef, actorRef, event });
  }

  /**
   * Notes who sends an event that is about to be given to an actor, and whether that has been shown. Beyond
   * {@link SENT_MAX} of one object the oldest is forgotten: as many are shown without their sender.
   */
  sends(source: unknown, event: EventObject, isShown: boolean): void {
    const waiting = this.#sent.get(event);
    if (!waiting) this.#sent.set(event, [{ source, isShown }]);
    else {
      if (waiting.length === SENT_MAX) waiting.shift();
      waiting.push({ source, isShown });
    }
  }

  /** An event that is about to be handled, unless it was shown when it was sent. */
  event(cell: HostingCell, event: EventObject): void {
    const waiting = this.#sent.get(event);
    const sent = waiting?.shift();
    if (waiting?.length === 0) this.#sent.delete(event);
    if (sent?.isShown) return;
    const actorRef = this.#runtime.selfOf(cell);
    this.#runtime.recorders!.inspected({ type: '@xstate.event', sourceRef: sent?.source, actorRef, event });
  }

  /** The step is done, with all its effects. */
  snapshot(cell: HostingCell, event: EventObject, snapshot: Snapshot<unknown>): void {
    if (!this.isShown(cell)) return;
    const actorRef = this.#runtime.selfOf(cell);
    this.#runtime.recorders!.inspected({ type: '@xstate.snapshot', actorRef, event, snapshot });
  }
}
