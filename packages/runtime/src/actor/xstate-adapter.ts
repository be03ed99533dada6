import { type Clock, type IdSource, type Logger, messageOf, TuttiError } from '@tutti/kernel';
import {
  type AnyActorLogic,
  type AnyActorRef,
  type AnyActorScope,
  type AnyMachineSnapshot,
  type EventObject,
  type Snapshot,
  StateMachine,
} from 'xstate';
import type { DeadLetters } from '../mailbox/dead-letters.ts';
import { ActorTimers, type TimerEntry } from '../scheduler/timers.ts';
import type { ReplyTarget } from '../system/actor-system.ts';
import type { Address, Ref } from './ref.ts';
import { type FlatPlan, flatPlan, flatStep } from './xstate-flat.ts';

/**
 * The one file that knows how XState 5.33 works inside. XState asks three things of whoever runs a logic: a scope (who
 * am I, where do effects go), a system (ids, timers, relaying), and a `self` that children can call parent. They are
 * given here without its `Actor`, which costs kilobytes and runs receivers on the sender's stack. What a machine spawns
 * or invokes from inside remains an XState actor and lives within its cell: everything sent to it goes through the
 * cell's system lane, so it too is scheduled fairly and never nests.
 */

/** Something in the system lane of a cell. */
export interface Signal<Cell> {
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
  sendUser(event: EventObject): void;
  signal(signal: Signal<HostingCell>): void;
  /** Runs one event from the system lane through the logic. */
  process(event: EventObject): void;
  subscribe(listener: (snapshot: Snapshot<unknown>) => void): () => void;
}

interface ExecutableAction {
  readonly type: string;
  readonly info: unknown;
  readonly params: unknown;
  readonly exec?: ((info: unknown, params: unknown) => void) | undefined;
}

/** XState's `Actor` as it is inside: an in-machine child. */
interface ChildActor extends AnyActorRef {
  readonly _processingStatus: 0 | 1 | 2;
  _send(event: EventObject): void;
  _stop(): void;
}

/** Asks that one life of an actor may hold for a later reply. */
const HELD_ASKS_MAX = 10_000;

const CHILD_IS_RUNNING = 1;
const CHILD_IS_STOPPED = 2;

/** Events that a promise, callback or observable sends to itself. */
const isInternal = (event: EventObject): boolean => event.type.startsWith('xstate.');

/** XState's own actions only put work into `defer`, which keeps their order; `xstate.log` alone acts at once. */
const isDeferring = (type: string): boolean => type.startsWith('xstate.') && type !== 'xstate.log';

type DelayedEvent = { readonly target: AnyActorRef; readonly event: EventObject };
type Delayed = TimerEntry<AnyActorRef, DelayedEvent>;

/** An event for one life of a cell from that life itself: its timers, its promise, its children. */
class InnerEvent implements Signal<HostingCell> {
  readonly #self: HostedSelf;
  readonly #event: EventObject;
  readonly #delayed: Delayed | undefined;

  constructor(self: HostedSelf, event: EventObject, delayed: Delayed | undefined) {
    this.#self = self;
    this.#event = event;
    this.#delayed = delayed;
  }

  handle(cell: HostingCell): void {
    if (this.#delayed?.isCancelled || cell.self !== this.#self) return;
    if (this.#delayed) this.#self.system.timers.done(this.#delayed);
    cell.process(this.#event);
  }
}

/** An event, or the order to stop, for an in-machine child. */
class ChildEvent implements Signal<HostingCell> {
  readonly #child: ChildActor;
  readonly #event: EventObject | undefined;
  readonly #delayed: Delayed | undefined;

  constructor(child: ChildActor, event: EventObject | undefined, delayed: Delayed | undefined) {
    this.#child = child;
    this.#event = event;
    this.#delayed = delayed;
  }

  handle(cell: HostingCell): void {
    if (this.#delayed?.isCancelled) return;
    if (this.#delayed) cell.self?.system.timers.done(this.#delayed);
    if (!this.#event) this.#child._stop();
    else if (this.#child._processingStatus !== CHILD_IS_STOPPED) this.#child._send(this.#event);
    else cell.self?.system.lost(`${cell.address}/${this.#child.id}`, this.#event);
  }
}

const isTuttiRef = (target: object): target is Ref => 'address' in target && 'ask' in target;

/** What XState calls the actor system, for one life of one cell. */
class HostedSystem {
  readonly runtime: XStateRuntime;
  readonly host: HostedSelf;
  #children: Set<ChildActor> | undefined;
  #timers: ActorTimers<AnyActorRef, DelayedEvent> | undefined;
  #named: Map<string, AnyActorRef> | undefined;
  #microstepsOfHost = 0;
  #microstepsOfChild = 0;
  #lastStepped: unknown;

  constructor(runtime: XStateRuntime, host: HostedSelf) {
    this.runtime = runtime;
    this.host = host;
  }

  get scheduler(): HostedSystem {
    return this;
  }

  get _snapshot(): { _scheduledEvents: object } {
    return this.getSnapshot();
  }

  get _clock(): XStateRuntime['xstateClock'] {
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

  _bookId(): string {
    return this.runtime.ids.next('x');
  }

  _register(sessionId: string, child: AnyActorRef): string {
    (this.#children ??= new Set()).add(child as ChildActor);
    return sessionId;
  }

  _unregister(child: AnyActorRef): void {
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

  /** Called by a machine for every microstep, which makes it the place to end loops that never come to rest. */
  _sendInspectionEvent(event: { type: string; actorRef: unknown }): void {
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
    if (target instanceof HostedSelf) {
      const isFromChild = source !== undefined && source !== target && source.system === (this as object);
      const isOwn = target === this.host && (delayed || isFromChild || isInternal(event));
      if (isOwn) target.cell.signal(new InnerEvent(target, event, delayed));
      else {
        if (delayed) this.timers.done(delayed);
        target.cell.sendUser(event);
      }
      return;
    }
    if (isTuttiRef(target)) {
      if (delayed) this.timers.done(delayed);
      target.send(event);
    } else if (target.system instanceof HostedSystem) {
      target.system.host.cell.signal(new ChildEvent(target as ChildActor, event, delayed));
    } else target.send(event);
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

/** What a logic sees as `self`, and its children as their parent: one for each life of a cell that needs one. */
export class HostedSelf {
  readonly cell: HostingCell;
  readonly system: HostedSystem;
  /** Only for logics that keep their scope (promises, callbacks, observables); machines share one. */
  scope: HostScope | undefined;
  isOver = false;
  hasBegun = false;
  #listeners: Map<string, Set<(event: EventObject) => void>> | undefined;
  #heldAsks: ReplyTarget[] | undefined;

  constructor(runtime: XStateRuntime, cell: HostingCell) {
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

  getSnapshot(): Snapshot<unknown> {
    const { snapshot } = this.cell;
    if (this.isOver) return { ...snapshot, status: 'stopped', output: undefined, error: undefined };
    if (!snapshot) throw new Error(`Snapshot can't be read while the actor initializes itself`);
    return snapshot;
  }

  subscribe(
    observer: ((snapshot: Snapshot<unknown>) => void) | { next?: (snapshot: Snapshot<unknown>) => void },
  ) {
    const next = typeof observer === 'function' ? observer : (s: Snapshot<unknown>) => observer.next?.(s);
    return { unsubscribe: this.cell.subscribe(next) };
  }

  on(type: string, listener: (event: EventObject) => void): { unsubscribe(): void } {
    this.#listeners ??= new Map();
    let own = this.#listeners.get(type);
    if (!own) this.#listeners.set(type, (own = new Set()));
    own.add(listener);
    return { unsubscribe: () => void own.delete(listener) };
  }

  emit(event: EventObject): void {
    if (!this.#listeners) return;
    for (const key of [event.type, '*']) {
      for (const listener of this.#listeners.get(key) ?? []) {
        try {
          listener(event);
        } catch (error) {
          const fields = { actor: this.cell.address, problem: messageOf(error) };
          this.system.runtime.logger.error(fields, 'a listener of emitted events threw');
        }
      }
    }
  }

  /** Answers the ask that is being handled, or else the one held longest. False when nobody waits. */
  reply(value: unknown): boolean {
    const target = this.cell.currentAsk ?? this.#heldAsks?.shift();
    this.cell.currentAsk = undefined;
    target?.reply(value);
    return target !== undefined;
  }

  /** Keeps the ask that is being handled for a later reply. */
  holdAsk(): void {
    const target = this.cell.currentAsk;
    if (!target) return;
    this.cell.currentAsk = undefined;
    const held = (this.#heldAsks ??= []);
    if (held.length < HELD_ASKS_MAX) held.push(target);
    else {
      const details = { what: `the held asks of ${this.sessionId}`, size: held.length, limit: HELD_ASKS_MAX };
      target.fail(new TuttiError('TUTTI_OVERLOADED', details));
    }
  }

  /** Ends this life: nobody will answer what was held. */
  end(): void {
    this.isOver = true;
    const held = this.#heldAsks ?? [];
    this.#heldAsks = undefined;
    for (const target of held)
      target.fail(new TuttiError('TUTTI_ACTOR_UNKNOWN', { address: this.sessionId }));
  }

  toJSON(): { xstate$$type: 1; id: string } {
    return { xstate$$type: 1, id: this.id };
  }
}

/** What XState calls the actor scope. Effects are kept in two lists until {@link XStateRuntime.release}. */
class HostScope {
  readonly runtime: XStateRuntime;
  cell: HostingCell | undefined;
  custom: ExecutableAction[] = [];
  deferred: (() => void)[] = [];
  /** During the initial state XState runs actions and deferred work as one list, and so does this. */
  isInitial = false;
  readonly defer = (effect: () => void): void => void this.deferred.push(effect);
  readonly emit = (event: EventObject): void => this.self.emit(event);
  readonly logger = (...values: unknown[]): void => this.self.system.log(values);
  /** Not read-only: during a microstep XState puts its own in this place. */
  actionExecutor = (action: ExecutableAction): void => {
    const { exec } = action;
    if (!exec) return;
    if (this.isInitial) this.deferred.push(() => exec(action.info, action.params));
    else if (isDeferring(action.type)) exec(action.info, action.params);
    else this.custom.push(action);
  };

  constructor(runtime: XStateRuntime, cell?: HostingCell) {
    this.runtime = runtime;
    this.cell = cell;
  }

  get self(): HostedSelf {
    return this.runtime.selfOf(this.cell!);
  }

  get id(): string {
    return this.cell!.id;
  }

  get sessionId(): string {
    return this.cell!.address;
  }

  get system(): HostedSystem {
    return this.self.system;
  }

  readonly stopChild = (child: ChildActor): void => {
    if (child._parent !== (this.self as object)) {
      throw new Error(`Cannot stop child actor ${child.id} of ${this.id} because it is not a child`);
    }
    if (child._processingStatus === CHILD_IS_RUNNING) {
      this.cell!.signal(new ChildEvent(child, undefined, undefined));
    } else child._stop();
  };
}

/** Effects that wait for a commit. */
export interface HeldEffects {
  readonly custom: readonly ExecutableAction[];
  readonly deferred: readonly (() => void)[];
}

/** What the logics of one node run in. */
export interface XStateRuntimeOptions {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  readonly deadLetters: DeadLetters;
  /** Microsteps that one event may cause. */
  readonly microstepsMax: number;
}

/** Steps logics: computes a snapshot, keeps the effects, and releases them when the cell has committed it. */
export class XStateRuntime {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  readonly deadLetters: DeadLetters;
  readonly microstepsMax: number;
  readonly xstateClock: { setTimeout(fn: () => void, ms: number): object; clearTimeout(timer: object): void };
  readonly #shared: HostScope;
  readonly #plans = new WeakMap<AnyActorLogic, FlatPlan | undefined>();
  #lastPlanned: AnyActorLogic | undefined;
  #lastPlan: FlatPlan | undefined;
  readonly #initial = new WeakMap<AnyActorLogic, Snapshot<unknown>>();

  constructor(options: XStateRuntimeOptions) {
    this.clock = options.clock;
    this.ids = options.ids;
    this.logger = options.logger;
    this.deadLetters = options.deadLetters;
    this.microstepsMax = options.microstepsMax;
    this.#shared = new HostScope(this);
    this.xstateClock = {
      setTimeout: (fn, ms) => this.clock.setTimer(ms, fn),
      clearTimeout: (timer) => this.clock.clearTimer(timer),
    };
  }

  selfOf(cell: HostingCell): HostedSelf {
    return (cell.self ??= new HostedSelf(this, cell));
  }

  /** The first snapshot, or the restored one. Starting effects are kept until {@link begin}. */
  initialSnapshot(cell: HostingCell, input: unknown, persisted: unknown): Snapshot<unknown> {
    const { logic } = cell;
    if (input === undefined && persisted === undefined) {
      const known = this.#initial.get(logic);
      if (known) return known;
    }
    const scope = this.#scopeOf(cell);
    scope.isInitial = true;
    cell.self?.system.resetMicrosteps();
    try {
      if (persisted !== undefined) {
        const kept = persisted as Snapshot<unknown>;
        return logic.restoreSnapshot ? logic.restoreSnapshot(kept, given(scope)) : kept;
      }
      const snapshot: Snapshot<unknown> = logic.getInitialSnapshot(given(scope), input);
      if (isShareable(logic, snapshot, scope, input)) this.#initial.set(logic, snapshot);
      return snapshot;
    } catch (error) {
      this.#forget(scope);
      throw error;
    } finally {
      scope.isInitial = false;
    }
  }

  /** Starts the logic and releases the effects of its initial state, in XState's order: start first. */
  begin(cell: HostingCell, snapshot: Snapshot<unknown>, held?: HeldEffects): void {
    const scope = this.#scopeOf(cell);
    try {
      if (snapshot.status === 'active' && cell.logic.start) {
        cell.logic.start(snapshot, given(scope));
        if (cell.self) cell.self.hasBegun = true;
      }
    } catch (error) {
      this.#forget(scope);
      throw error;
    }
    this.release(cell, held);
  }

  /** The next snapshot. Throws what the logic throws, and then there are no effects. */
  transition(cell: HostingCell, event: EventObject): Snapshot<unknown> {
    const scope = this.#scopeOf(cell);
    cell.self?.system.resetMicrosteps();
    try {
      const plan = this.#planOf(cell.logic);
      if (plan) {
        const next = flatStep(plan, cell.snapshot as AnyMachineSnapshot, event, scope, this.microstepsMax);
        if (next) return next as Snapshot<unknown>;
      }
      return cell.logic.transition(cell.snapshot, event, given(scope));
    } catch (error) {
      this.#forget(scope);
      throw error;
    }
  }

  #planOf(logic: AnyActorLogic): FlatPlan | undefined {
    if (logic === this.#lastPlanned) return this.#lastPlan;
    this.#lastPlanned = logic;
    if (!this.#plans.has(logic))
      this.#plans.set(logic, logic instanceof StateMachine ? flatPlan(logic) : undefined);
    return (this.#lastPlan = this.#plans.get(logic));
  }

  /** Whether the last transition left anything to release. */
  hasEffects(cell: HostingCell): boolean {
    const scope = this.#scopeOf(cell);
    return scope.custom.length > 0 || scope.deferred.length > 0;
  }

  /** Takes the effects of the last transition away, to be released later. */
  hold(cell: HostingCell): HeldEffects {
    const scope = this.#scopeOf(cell);
    const held = { custom: scope.custom, deferred: scope.deferred };
    scope.custom = [];
    scope.deferred = [];
    return held;
  }

  /** Runs effects: the user's actions in order, then what XState deferred. Throws what an action throws. */
  release(cell: HostingCell, held?: HeldEffects): void {
    const scope = this.#scopeOf(cell);
    if (held) {
      scope.custom.push(...held.custom);
      scope.deferred.push(...held.deferred);
    }
    const { custom, deferred } = scope;
    if (custom.length === 0 && deferred.length === 0) return;
    try {
      for (const action of custom) action.exec!(action.info, action.params);
      for (let i = 0; i < deferred.length; i++) deferred[i]!(); // effects may defer more
    } finally {
      this.#forget(scope);
    }
  }

  /**
   * Lets a logic that is no machine put away what it holds, then ends this life's children and timers. A reducer that
   * failed is not asked again; a promise, callback or observable always is, or it would leak.
   */
  dispose(cell: HostingCell, hasFailed: boolean): void {
    const { self } = cell;
    const wantsToKnow = cell.logic.start ? self?.hasBegun : !hasFailed;
    const isMachine = cell.logic instanceof StateMachine;
    if (cell.snapshot?.status === 'active' && wantsToKnow && !isMachine) this.#tellStop(cell);
    if (!self) return;
    self.system.dispose();
    self.end();
    cell.self = undefined;
  }

  #tellStop(cell: HostingCell): void {
    const scope = this.#scopeOf(cell);
    try {
      cell.logic.transition(cell.snapshot, { type: 'xstate.stop' }, given(scope));
    } catch (error) {
      this.logger.error({ actor: cell.address, problem: messageOf(error) }, 'an actor threw while stopping');
    } finally {
      this.#forget(scope);
    }
  }

  #scopeOf(cell: HostingCell): HostScope {
    if (cell.logic.start && !(cell.logic instanceof StateMachine)) {
      const self = this.selfOf(cell);
      return (self.scope ??= new HostScope(this, cell));
    }
    this.#shared.cell = cell;
    return this.#shared;
  }

  #forget(scope: HostScope): void {
    if (scope.custom.length > 0) scope.custom = [];
    if (scope.deferred.length > 0) scope.deferred = [];
  }
}

/** The scope as XState's types want it; it has exactly the parts that XState 5.33.3 reads. */
const given = (scope: HostScope): AnyActorScope => scope as object as AnyActorScope;

/** One initial snapshot can serve every actor of a machine that starts without context function, actions or children. */
function isShareable(
  logic: AnyActorLogic,
  snapshot: Snapshot<unknown>,
  scope: HostScope,
  input: unknown,
): boolean {
  if (input !== undefined || !(logic instanceof StateMachine) || snapshot.status !== 'active') return false;
  const { context } = logic.config as { context?: unknown };
  if (typeof context === 'function' || scope.deferred.length > 0) return false;
  const held = (snapshot as { context?: unknown }).context;
  return context === undefined ? Object.keys(held ?? {}).length === 0 : held === context;
}

/** The machine's id, or what kind of logic it is. */
export function logicName(logic: AnyActorLogic): string {
  if (logic instanceof StateMachine) return logic.id;
  return logic.start ? 'process' : 'transition';
}

/** The state value of a machine's snapshot. */
export function stateValueOf(snapshot: Snapshot<unknown> | undefined): unknown {
  return snapshot && 'value' in snapshot ? snapshot.value : undefined;
}

/** Answers through whatever `self` a logic was given. Under plain XState nobody asks, and this does nothing. */
export function replyThrough(self: unknown, value: unknown): boolean {
  return self instanceof HostedSelf && self.reply(value);
}

/** Keeps the ask that is being handled, through whatever `self` a logic was given. */
export function holdThrough(self: unknown): void {
  if (self instanceof HostedSelf) self.holdAsk();
}
