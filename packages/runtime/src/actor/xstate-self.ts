import { type Clock, type IdSource, type Logger, messageOf, TuttiError } from '@tutti/kernel';
import type { AnyActorLogic, AnyActorRef, EventObject, Snapshot } from 'xstate';
import type { Recorders, XStateInspection } from '../inspection/recorder.ts';
import type { DeadLetterReason, DeadLetters } from '../mailbox/dead-letters.ts';
import { ActorTimers } from '../scheduler/timers.ts';
import type { ReplyTarget } from '../system/actor-system.ts';
import type { Outpost } from '../threads/outpost.ts';
import { asTimerEvent, type KeptTimer } from './kept-timers.ts';
import type { Address, Ref } from './ref.ts';
import type { HostScope } from './xstate-adapter.ts';
import type { InspectedCells } from './xstate-inspected.ts';
import { containListeners } from './xstate-listeners.ts';
import { ObservedSelf } from './xstate-observed.ts';
import {
  CHILD_IS_RUNNING,
  CHILD_IS_STOPPED,
  ChildEvent,
  ChildTurns,
  type Delayed,
  type DelayedEvent,
  InnerEvent,
  isInternal,
} from './xstate-turns.ts';
import { isPromise, isUnderWay } from './xstate-work.ts';

/**
 * The half of the adapter that a logic sees: `self`, and the system behind it. See `xstate-adapter.ts`, which is the
 * other half, and `xstate-turns.ts`; no further file knows how XState 5.33 works inside, but for the short way in `xstate-flat.ts`.
 */

/** Something in the system lane of a cell. */
export interface Signal<Cell> {
  /** The event that it carries, if that is one of the user's own. */
  readonly message?: EventObject | undefined;
  handle(cell: Cell): void;
}

/** What the adapter needs of the cell that it gives life to. */
export interface HostingCell {
  readonly id: string;
  readonly address: Address;
  readonly logic: AnyActorLogic;
  readonly parent: HostingCell | undefined;
  /** True of the guardian, which no logic may see as its parent. */
  readonly isGuardian: boolean;
  snapshot: Snapshot<unknown> | undefined;
  /** The present life; undefined until something needs it. */
  self: HostedSelf | undefined;
  /** Who asked the message that is being handled. */
  currentAsk: ReplyTarget | undefined;
  /** Whether somebody keeps its timers with its snapshot. */
  readonly keepsTimers?: boolean;
  /** What runs the logic elsewhere, if it is not run here. */
  readonly outpost?: Outpost | undefined;
  sendUser(event: EventObject): void;
  signal(signal: Signal<HostingCell>): void;
  /** Makes a dead letter of an event. */
  refuse(event: EventObject, reason: DeadLetterReason): void;
  /** Ends it, as having come to its end by itself. */
  finish(how: 'done' | 'stopped'): void;
  /** Runs one event from the system lane through the logic. */
  processInner(event: EventObject): void;
  /** Whether it could do so at once: nothing is going on in it, and nothing waits in the system lane. */
  readonly isFreeForInner?: boolean;
  subscribe(listener: (snapshot: Snapshot<unknown>) => void): () => void;
}

/** XState's `Actor` as it is inside: an in-machine child. */
export interface ChildActor extends AnyActorRef {
  readonly logic: AnyActorLogic;
  readonly _processingStatus: 0 | 1 | 2;
  _send(event: EventObject): void;
  _stop(): void;
}

const isTuttiRef = (target: object): target is Ref => 'address' in target && 'ask' in target;

/** What the selves of one node share. */
export interface HostRuntime {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  readonly deadLetters: DeadLetters;
  readonly microstepsMax: number;
  /** Events that machines and the children in them have handed each other at once so far. */
  nestedEvents: number;
  readonly xstateClock: { setTimeout(fn: () => void, ms: number): object; clearTimeout(timer: object): void };
  /** Undefined while nobody looks. */
  readonly recorders: Recorders | undefined;
  selfOf(cell: HostingCell): HostedSelf;
  ref(address: Address): Ref;
  readonly inspected: InspectedCells;
}

/** What XState calls the actor system, for one life of one cell. */
export class HostedSystem {
  readonly runtime: HostRuntime;
  readonly host: HostedSelf;
  #children: Set<ChildActor> | undefined;
  #timers: ActorTimers<AnyActorRef, DelayedEvent> | undefined;
  #named: Map<string, AnyActorRef> | undefined;
  /** Undefined until there is a child, which most never have. */
  turns: ChildTurns | undefined;
  #microstepsOfHost = 0;
  #microstepsOfChild = 0;
  #lastStepped: unknown;

  constructor(runtime: HostRuntime, host: HostedSelf) {
    this.runtime = runtime;
    this.host = host;
  }

  get scheduler(): HostedSystem {
    return this;
  }

  get _snapshot(): { _scheduledEvents: object } {
    return this.getSnapshot();
  }

  get _clock(): HostRuntime['xstateClock'] {
    return this.runtime.xstateClock;
  }

  get _logger(): (...values: unknown[]) => void {
    return (...values) => this.log(values);
  }

  log(values: readonly unknown[]): void {
    this.runtime.logger.info({ actor: this.host.cell.address, values }, 'logged by an actor');
  }

  get timers(): ActorTimers<AnyActorRef, DelayedEvent> {
    return (this.#timers ??= new ActorTimers(this.runtime.clock));
  }

  /** The first that XState asks for when it makes a child. */
  _bookId(): string {
    this.turns ??= new ChildTurns(this.host);
    return this.runtime.ids.next('x');
  }

  _register(sessionId: string, child: AnyActorRef): string {
    (this.#children ??= new Set()).add(child as ChildActor);
    return sessionId;
  }

  /** XState calls this as soon as a transition means to stop a child, to free its name: it may yet run for a while. */
  _unregister(child: AnyActorRef): void {
    if ((child as ChildActor)._processingStatus === CHILD_IS_STOPPED)
      this.#children?.delete(child as ChildActor);
    for (const [name, named] of this.#named ?? []) if (named === child) this.#named!.delete(name);
  }

  _set(systemId: string, actor: AnyActorRef): void {
    this.#named ??= new Map();
    const existing = this.#named.get(systemId);
    if (existing && existing !== actor) throw new Error(`Actor with system ID '${systemId}' already exists.`);
    this.#named.set(systemId, actor);
  }

  get(systemId: string): AnyActorRef | undefined {
    return this.#named?.get(systemId);
  }

  getAll(): Record<string, AnyActorRef> {
    return Object.fromEntries(this.#named ?? []);
  }

  inspect(): { unsubscribe(): void } {
    return { unsubscribe() {} };
  }

  getSnapshot(): { _scheduledEvents: object } {
    return { _scheduledEvents: {} };
  }

  start(): void {}

  /**
   * Called by a machine for every microstep, which makes it the place to end loops that never come to rest; and by an
   * in-machine child while it is made, before anybody can listen to it.
   */
  _sendInspectionEvent(event: XStateInspection): void {
    if (this.runtime.recorders?.inspect) this.runtime.recorders.inspected(event);
    if (event.type === '@xstate.actor') return containListeners(event.actorRef as AnyActorRef, this.host);
    if (event.type !== '@xstate.microstep') return;
    const isHost = event.actorRef === this.host;
    if (!isHost && event.actorRef !== this.#lastStepped) this.#microstepsOfChild = 0;
    this.#lastStepped = event.actorRef;
    const steps = isHost ? ++this.#microstepsOfHost : ++this.#microstepsOfChild;
    if (steps <= this.runtime.microstepsMax) return;
    this.resetMicrosteps();
    throw new TuttiError('TUTTI_MACHINE_UNSTABLE', { limit: this.runtime.microstepsMax });
  }

  resetMicrosteps(): void {
    this.#microstepsOfHost = 0;
    this.#microstepsOfChild = 0;
  }

  schedule(
    source: AnyActorRef,
    target: AnyActorRef,
    event: EventObject,
    delay: number,
    id: string = this.runtime.ids.next('timer'),
  ): void {
    this.timers.set(source, id, delay, { target, event }, (entry) =>
      this.#relay(source, target, event, entry),
    );
  }

  /** Sets a timer of the machine that somebody has kept. What is overdue comes before any message. */
  setAgain(timer: KeptTimer): void {
    const host = this.host as object as AnyActorRef;
    const event = asTimerEvent(timer);
    const fire = (entry: Delayed) => this.#relay(host, host, event, entry);
    const isNamed = !timer.isUnnamed;
    this.timers.set(host, timer.id, timer.delayMs, { target: host, event }, fire, { isNamed });
  }

  cancel(source: AnyActorRef, id: string): void {
    this.#timers?.cancel(source, id);
  }

  cancelAll(source: AnyActorRef): void {
    this.#timers?.cancelAll(source);
  }

  _relay(source: AnyActorRef | undefined, target: AnyActorRef, event: EventObject): void {
    this.#relay(source, target, event, undefined);
  }

  #relay(
    source: AnyActorRef | undefined,
    target: AnyActorRef,
    event: EventObject,
    delayed: Delayed | undefined,
  ): void {
    if (this.runtime.recorders?.inspect) this.#show(source, target, event);
    if (target instanceof HostedSelf) {
      const isFromChild = source !== undefined && source !== target && source.system === (this as object);
      const isOwn = target === this.host && (delayed || isFromChild || isInternal(event));
      if (isOwn) {
        const inner = new InnerEvent(target, event, delayed);
        if (delayed || !isFromChild || !this.turns!.takeAtOnce(inner)) target.cell.signal(inner);
      } else {
        if (delayed) this.timers.done(delayed);
        target.cell.sendUser(event);
      }
      return;
    }
    if (isTuttiRef(target)) {
      if (delayed) this.timers.done(delayed);
      target.send(event);
    } else if (target.system instanceof HostedSystem) {
      target.system.turns!.tell(new ChildEvent(target as ChildActor, event, delayed));
    } else target.send(event);
  }

  /** What goes to another actor is shown when it is handled: it may be on its way for long, or never arrive. */
  #show(source: AnyActorRef | undefined, target: AnyActorRef, event: EventObject): void {
    const isInside = target.system === (this as object);
    if (isInside)
      this._sendInspectionEvent({ type: '@xstate.event', sourceRef: source, actorRef: target, event });
    if (!isInside || (target as object) === this.host) this.runtime.inspected.sends(source, event, isInside);
  }

  /** Whether a promise is under way: a child, also of a machine inside, or the actor itself. */
  get isAtWork(): boolean {
    const isWork = (child: ChildActor) => isPromise(child.logic) && isUnderWay(child);
    return isPromise(this.host.cell.logic) || [...(this.#children ?? [])].some(isWork);
  }

  /** Whether the actor may do anything by then, on the clock's `now`, without a message from outside. */
  mayGoOn(by: number): boolean {
    return this.isAtWork || this.#timers?.isDueBy(by) || [...(this.#children ?? [])].some(isUnderWay);
  }

  lost(address: Address, event: EventObject): void {
    this.runtime.deadLetters.publish(address, event, 'unknown-actor');
  }

  /** Ends this life: every in-machine child, last started first, and every timer. */
  dispose(): void {
    for (const child of [...(this.#children ?? [])].reverse()) {
      try {
        child._stop();
      } catch (error) {
        const fields = { actor: this.host.cell.address, child: child.id, problem: messageOf(error) };
        this.runtime.logger.error(fields, 'an in-machine child threw while stopping');
      }
    }
    this.#children = undefined;
    this.#timers?.clear();
  }
}

/** An actor's order to itself to stop. */
class EndOfSelf implements Signal<HostingCell> {
  readonly #self: HostedSelf;

  constructor(self: HostedSelf) {
    this.#self = self;
  }

  handle(cell: HostingCell): void {
    if (cell.self === this.#self) cell.finish('stopped');
  }
}

/** What a logic sees as `self`, and its children as their parent: one for each life of a cell that needs one. */
export class HostedSelf extends ObservedSelf {
  readonly cell: HostingCell;
  readonly system: HostedSystem;
  isOver = false;
  hasBegun = false;
  /** Of a logic that may keep what it is given beyond its turn. The others have one between them. */
  scope: HostScope | undefined;

  constructor(runtime: HostRuntime, cell: HostingCell) {
    super();
    this.cell = cell;
    this.system = new HostedSystem(runtime, this);
  }

  get id(): string {
    return this.cell.id;
  }

  get sessionId(): string {
    return this.cell.address;
  }

  get src(): AnyActorLogic {
    return this.cell.logic;
  }

  /** By this XState knows a ref when it persists a context, and puts a mark in its place. */
  get ref(): HostedSelf {
    return this;
  }

  get _parent(): HostedSelf | undefined {
    const { parent } = this.cell;
    return parent === undefined || parent.isGuardian ? undefined : this.system.runtime.selfOf(parent);
  }

  /** Read by XState before it stops a child at once instead of in order. */
  get _processingStatus(): number {
    return this.isOver ? CHILD_IS_STOPPED : CHILD_IS_RUNNING;
  }

  send(event: EventObject): void {
    this.cell.sendUser(event);
  }

  _send(event: EventObject): void {
    this.cell.sendUser(event);
  }

  /** It has been started, or nobody could have it. */
  start(): HostedSelf {
    return this;
  }

  /** Ends the actor when it is done with the present event; what it was sent after that becomes dead letters. */
  stop(): HostedSelf {
    this.cell.signal(new EndOfSelf(this));
    return this;
  }

  getPersistedSnapshot(options?: unknown): Snapshot<unknown> {
    return this.cell.logic.getPersistedSnapshot(this.getSnapshot(), options);
  }

  getSnapshot(): Snapshot<unknown> {
    const { snapshot } = this.cell;
    if (this.isOver) return { ...snapshot, status: 'stopped', output: undefined, error: undefined };
    if (!snapshot) throw new Error(`Snapshot can't be read while the actor initializes itself`);
    return snapshot;
  }

  /** Ends this life. */
  end(hasFailed: boolean, error: unknown): void {
    this.tellEnd(hasFailed, error);
    this.isOver = true;
    this.failHeld();
  }

  toJSON(): { xstate$$type: 1; id: string } {
    return { xstate$$type: 1, id: this.id };
  }
}
