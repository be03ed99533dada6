import type { AnyActorRef, EventObject } from 'xstate';
import type { TimerEntry } from '../scheduler/timers.ts';
import type { ChildActor, HostedSelf, HostingCell, Signal } from './xstate-self.ts';

/**
 * What a machine in a cell and the children inside it have for each other, and when they take it in. Part of
 * `xstate-self.ts`.
 */

/** Events that a machine and its in-machine children may send each other before the next one waits in the lane. */
const CHILD_TURNS_MAX = 1_000;

/** In-machine children that may stand on the stack, each having sent to the next. */
const CHILD_DEPTH_MAX = 100;

export const CHILD_IS_RUNNING = 1;
export const CHILD_IS_STOPPED = 2;

/** Events that a promise, callback or observable sends to itself. */
export const isInternal = (event: EventObject): boolean => event.type.startsWith('xstate.');

export type DelayedEvent = { readonly target: AnyActorRef; readonly event: EventObject };
export type Delayed = TimerEntry<AnyActorRef, DelayedEvent>;

/** An event for one life of a cell from that life itself: its timers, its promise, its children. */
export class InnerEvent implements Signal<HostingCell> {
  readonly #self: HostedSelf;
  readonly #event: EventObject;
  readonly #delayed: Delayed | undefined;

  constructor(self: HostedSelf, event: EventObject, delayed: Delayed | undefined) {
    this.#self = self;
    this.#event = event;
    this.#delayed = delayed;
  }

  handle(cell: HostingCell): void {
    if (this.#delayed?.isCancelled) return;
    if (cell.self !== this.#self) {
      const { message } = this;
      if (message) cell.refuse(message, 'stale-incarnation');
      return;
    }
    if (this.#delayed) this.#self.system.timers.done(this.#delayed);
    cell.processInner(this.#event);
  }

  /** What a timer sends to its own actor concerns nobody else. */
  get message(): EventObject | undefined {
    return this.#delayed || isInternal(this.#event) ? undefined : this.#event;
  }
}

/** An event, or the order to stop, for an in-machine child. */
export class ChildEvent implements Signal<HostingCell> {
  readonly #child: ChildActor;
  readonly #event: EventObject | undefined;
  readonly #delayed: Delayed | undefined;

  constructor(child: ChildActor, event: EventObject | undefined, delayed: Delayed | undefined) {
    this.#child = child;
    this.#event = event;
    this.#delayed = delayed;
  }

  /** From the lane: its machine has nothing else to do, and takes in at once what the child sends it meanwhile. */
  handle(cell: HostingCell): void {
    if (this.#delayed?.isCancelled) return;
    const system = cell.self?.system;
    const isOutermost = system?.turns?.open(true);
    try {
      this.give(cell);
    } finally {
      if (isOutermost) system!.turns!.close();
    }
  }

  give(cell: HostingCell): void {
    if (this.#delayed) cell.self?.system.timers.done(this.#delayed);
    if (!this.#event) this.#child._stop();
    else if (this.#child._processingStatus !== CHILD_IS_STOPPED) this.#child._send(this.#event);
    else cell.self?.system.lost(`${cell.address}/${this.#child.id}`, this.#event);
  }

  get message(): EventObject | undefined {
    return this.#event && !this.#delayed && !isInternal(this.#event) ? this.#event : undefined;
  }
}

/** Has the children of one life take turns as they do under XState, and bounds what that may lead to. */
export class ChildTurns {
  readonly #host: HostedSelf;
  /** Whether an effect or a child has its turn. */
  #areOpen = false;
  /** Events that may still be handed on at once in it. */
  #left = 0;
  /** In-machine children on the stack. */
  #depth = 0;
  /** Whether it is a child that has its turn, and not its machine. */
  #hostIsFree = false;
  /** What children send their machine while it is at what one of them sent it; undefined at any other time. */
  #meanwhile: InnerEvent[] | undefined;
  /** Signals that the machine has handled since it last heard what others send. */
  unheard = 0;

  constructor(host: HostedSelf) {
    this.#host = host;
  }

  /**
   * Gives a child an event, or the order to stop: at once while effects are released or another child has its turn, as
   * XState has it, so that a child which is still at something is found so. Otherwise, and beyond the bounds, in its
   * turn in the lane.
   */
  tell(event: ChildEvent): void {
    if (this.#left === 0 || this.#depth >= CHILD_DEPTH_MAX) return this.#host.cell.signal(event);
    this.#left--;
    this.#depth++;
    try {
      event.give(this.#host.cell);
    } finally {
      this.#depth--;
    }
  }

  /**
   * From now on what is sent to children, or by them, is taken in at once.
   * @param hostIsFree Whether it is a child that has its turn now, and not the machine itself.
   * @returns Whether this is for the caller to close: false when it was so already.
   */
  open(hostIsFree: boolean): boolean {
    if (this.#areOpen) return false;
    this.#areOpen = true;
    this.#left = CHILD_TURNS_MAX;
    this.#hostIsFree = hostIsFree;
    return true;
  }

  close(): void {
    this.#host.system.runtime.nestedEvents += CHILD_TURNS_MAX - this.#left;
    this.#areOpen = false;
    this.#left = 0;
    this.#hostIsFree = false;
  }

  /**
   * Has the machine take in what a child sends it in its turn, while that child waits, and with it what it is sent
   * because of that. False when it cannot now.
   */
  takeAtOnce(first: InnerEvent): boolean {
    if (this.#meanwhile) return this.#meanwhile.push(first) > 0;
    const { cell } = this.#host;
    if (!this.#hostIsFree || cell.self !== this.#host || !cell.isFreeForInner) return false;
    const events = (this.#meanwhile = [first]);
    let next = 0;
    const goesOn = () => next < events.length && this.#left > 0 && cell.isFreeForInner;
    try {
      for (; goesOn(); next++, this.#left--) events[next]!.handle(cell);
    } finally {
      this.#meanwhile = undefined;
      for (; next < events.length; next++) cell.signal(events[next]!);
    }
    return true;
  }
}
