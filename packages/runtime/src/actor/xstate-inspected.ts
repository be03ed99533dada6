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

/** The sendings of one event object that have not been handled, in their order. */
interface Sendings {
  readonly known: Sent[];
  /** How many came after those: they are counted, and nothing else is remembered of them. */
  beyond: number;
}

/**
 * What an inspector is shown of cells where XState's own `Actor` would tell it; the rest XState tells by itself. Part
 * of `xstate-adapter.ts`.
 */
export class InspectedCells {
  readonly #runtime: HostRuntime;
  /** One event may be sent several times. */
  readonly #sent = new WeakMap<EventObject, Sendings>();

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
   * Notes who sends an event that is about to be given to an actor, and whether that has been shown. Of those that come
   * while {@link SENT_MAX} of one object are remembered nothing is: their handling is shown, without a sender. So is
   * that of all that come before those have been handled, or each would get the sender of another.
   */
  sends(source: unknown, event: EventObject, isShown: boolean): void {
    const waiting = this.#sent.get(event);
    if (!waiting) this.#sent.set(event, { known: [{ source, isShown }], beyond: 0 });
    else if (waiting.beyond > 0 || waiting.known.length === SENT_MAX) waiting.beyond++;
    else waiting.known.push({ source, isShown });
  }

  /** An event that is about to be handled, unless it was shown when it was sent. */
  event(cell: HostingCell, event: EventObject): void {
    const sent = this.#handled(event);
    if (sent?.isShown) return;
    const actorRef = this.#runtime.selfOf(cell);
    this.#runtime.recorders!.inspected({ type: '@xstate.event', sourceRef: sent?.source, actorRef, event });
  }

  /** Takes the oldest sending of an event out; undefined if nothing is known of it. */
  #handled(event: EventObject): Sent | undefined {
    const waiting = this.#sent.get(event);
    if (!waiting) return undefined;
    const sent = waiting.known.shift();
    if (!sent) waiting.beyond--;
    if (waiting.known.length === 0 && waiting.beyond === 0) this.#sent.delete(event);
    return sent;
  }

  /** The step is done, with all its effects. */
  snapshot(cell: HostingCell, event: EventObject, snapshot: Snapshot<unknown>): void {
    if (!this.isShown(cell)) return;
    const actorRef = this.#runtime.selfOf(cell);
    this.#runtime.recorders!.inspected({ type: '@xstate.snapshot', actorRef, event, snapshot });
  }
}
