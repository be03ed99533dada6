import { type Clock, type IdSource, type Logger, messageOf } from '@tutti/kernel';
import {
  type AnyActorLogic,
  type AnyActorScope,
  type AnyMachineSnapshot,
  type EventObject,
  type Snapshot,
  StateMachine,
} from 'xstate';
import type { Recorders } from '../inspection/recorder.ts';
import type { DeadLetters } from '../mailbox/dead-letters.ts';
import type { ReplyTarget } from '../system/actor-system.ts';
import { type KeptTimer, type TimerChange, timerChangeOf } from './kept-timers.ts';
import type { Address, Ref } from './ref.ts';
import { startDelays } from './xstate-delays.ts';
import { type FlatPlan, flatPlan, flatStep } from './xstate-flat.ts';
import { InspectedCells } from './xstate-inspected.ts';
import { mayKeepScope, type Reducer, reduce, reducerOf } from './xstate-reducer.ts';
import {
  type ChildActor,
  HostedSelf,
  HostedSystem,
  type HostingCell,
  type HostRuntime,
} from './xstate-self.ts';
import { CHILD_IS_RUNNING, ChildEvent } from './xstate-turns.ts';

export { HostedSelf, type HostingCell, type Signal } from './xstate-self.ts';

/**
 * With `xstate-self.ts`, the one place that knows how XState 5.33 works inside. XState asks three things of whoever runs a logic: a scope (who
 * am I, where do effects go), a system (ids, timers, relaying), and a `self` that children can call parent. They are
 * given here without its `Actor`, which costs kilobytes and runs receivers on the sender's stack. What a machine spawns
 * or invokes from inside remains an XState actor and lives within its cell: what comes to it from elsewhere goes through
 * the cell's system lane, so it too is scheduled fairly; what a machine and its children have for each other is taken in
 * at once, as under XState, within the bounds of `xstate-turns.ts`.
 */

interface ExecutableAction {
  readonly type: string;
  readonly info: unknown;
  readonly params: unknown;
  readonly exec?: ((info: unknown, params: unknown) => void) | undefined;
}

/** XState's own actions only put work into `defer`, which keeps their order; `xstate.log` alone acts at once. */
const isDeferring = (type: string): boolean => type.startsWith('xstate.') && type !== 'xstate.log';

const INIT: EventObject = { type: 'xstate.init' };

/** What XState calls the actor scope. Effects are kept in two lists until {@link XStateRuntime.release}. */
export class HostScope {
  readonly runtime: XStateRuntime;
  /** The one life that it is for; undefined of the scope that is lent to one cell after the other. */
  readonly #life: HostedSelf | undefined;
  cell: HostingCell | undefined;
  custom: ExecutableAction[] = [];
  deferred: (() => void)[] = [];
  /** Changes to the cell's timers, when somebody keeps them. */
  timers: TimerChange[] = [];
  /** During the initial state XState runs actions and deferred work as one list, and so does this. */
  isInitial = false;
  /** What the effects came of. */
  event: EventObject = INIT;
  readonly defer = (effect: () => void): void => void this.deferred.push(effect);
  readonly emit = (event: EventObject): void => this.self.emit(event);
  readonly logger = (...values: unknown[]): void => this.self.system.log(values);
  /** Not read-only: during a microstep XState puts its own in this place. */
  actionExecutor = (action: ExecutableAction): void => {
    if (this.runtime.recorders?.inspect) {
      if (this.isInitial) this.deferred.push(() => this.#show(action));
      else this.#show(action);
    }
    const { exec } = action;
    if (!exec) return;
    if (this.cell!.keepsTimers) {
      const change = timerChangeOf(action, this.self, () => this.runtime.ids.next('timer'));
      if (change) this.timers.push(change);
    }
    if (this.isInitial) this.deferred.push(() => exec(action.info, action.params));
    else if (isDeferring(action.type)) exec(action.info, action.params);
    else this.custom.push(action);
  };

  constructor(runtime: XStateRuntime, life?: HostedSelf) {
    this.runtime = runtime;
    this.#life = life;
    this.cell = life?.cell;
  }

  #show({ type, params }: ExecutableAction): void {
    this.system._sendInspectionEvent({
      type: '@xstate.action',
      actorRef: this.self,
      action: { type, params },
    });
  }

  get self(): HostedSelf {
    return this.#life ?? this.runtime.selfOf(this.cell!);
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
      this.system.turns!.tell(new ChildEvent(child, undefined, undefined));
    } else child._stop();
  };
}

/** Effects that wait for a commit. */
export interface HeldEffects {
  readonly event: EventObject;
  readonly custom: readonly ExecutableAction[];
  readonly deferred: readonly (() => void)[];
  readonly timers: readonly TimerChange[];
}

/** How a logic is stepped. */
interface Way {
  /** The short way, if there is one. */
  readonly short: FlatPlan | Reducer | undefined;
  /** Whether it may keep its scope, and come back to it when another actor has its turn. */
  readonly keepsScope: boolean;
}

function wayOf(logic: AnyActorLogic): Way {
  if (logic instanceof StateMachine) return { short: flatPlan(logic), keepsScope: false };
  const short = reducerOf(logic);
  return { short, keepsScope: !short || mayKeepScope(short) };
}

/** What the logics of one node run in. */
export interface XStateRuntimeOptions {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  readonly deadLetters: DeadLetters;
  /** Microsteps that one event may cause. */
  readonly microstepsMax: number;
  readonly ref: (address: Address) => Ref;
}

/** Steps logics: computes a snapshot, keeps the effects, and releases them when the cell has committed it. */
export class XStateRuntime implements HostRuntime {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  readonly deadLetters: DeadLetters;
  readonly microstepsMax: number;
  readonly ref: (address: Address) => Ref;
  nestedEvents = 0;
  readonly xstateClock: { setTimeout(fn: () => void, ms: number): object; clearTimeout(timer: object): void };
  readonly #shared: HostScope;
  readonly #ways = new WeakMap<AnyActorLogic, Way>();
  #lastLogic: AnyActorLogic | undefined;
  #lastWay: Way | undefined;
  readonly #initial = new WeakMap<AnyActorLogic, Snapshot<unknown>>();
  readonly inspected = new InspectedCells(this);
  /** Undefined while nobody looks, which is the usual case. */
  recorders: Recorders | undefined;

  constructor(options: XStateRuntimeOptions) {
    this.clock = options.clock;
    this.ids = options.ids;
    this.logger = options.logger;
    this.deadLetters = options.deadLetters;
    this.microstepsMax = options.microstepsMax;
    this.ref = options.ref;
    this.#shared = new HostScope(this);
    this.xstateClock = {
      setTimeout: (fn, ms) => this.clock.setTimer(ms, fn),
      clearTimeout: (timer) => this.clock.clearTimer(timer),
    };
  }

  #isShown(cell: HostingCell): boolean {
    return this.recorders !== undefined && this.inspected.isShown(cell);
  }

  selfOf(cell: HostingCell): HostedSelf {
    return (cell.self ??= new HostedSelf(this, cell));
  }

  /** The first snapshot, or the restored one. Starting effects are kept until {@link begin}. */
  initialSnapshot(
    cell: HostingCell,
    input: unknown,
    persisted: unknown,
    timers: readonly KeptTimer[] = [],
  ): Snapshot<unknown> {
    const { logic } = cell;
    const isShown = this.#isShown(cell);
    if (isShown) this.inspected.made(cell);
    if (input === undefined && persisted === undefined && !isShown) {
      const known = this.#initial.get(logic);
      if (known) return known;
    }
    const scope = this.#scopeOf(cell);
    scope.isInitial = true;
    scope.event = input === undefined ? INIT : ({ ...INIT, input } as EventObject);
    cell.self?.system.resetMicrosteps();
    try {
      if (persisted !== undefined) {
        const kept = persisted as Snapshot<unknown>;
        const restored = logic.restoreSnapshot ? logic.restoreSnapshot(kept, given(scope)) : kept;
        if (logic instanceof StateMachine) startDelays(restored as AnyMachineSnapshot, scope, timers);
        return restored;
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
    if (!cell.isGuardian) this.recorders?.started(cell, snapshot);
    if (this.#isShown(cell)) this.inspected.start(cell, scope.event);
    const turns = cell.self?.system.turns;
    const isOutermost = turns?.open(false);
    try {
      if (snapshot.status === 'active' && cell.logic.start) {
        cell.logic.start(snapshot, given(scope));
        if (cell.self) cell.self.hasBegun = true;
      }
    } catch (error) {
      this.#forget(scope);
      throw error;
    } finally {
      if (isOutermost) turns!.close();
    }
    this.release(cell, held, snapshot);
  }

  /** The next snapshot. Throws what the logic throws, and then there are no effects. */
  transition(cell: HostingCell, event: EventObject): Snapshot<unknown> {
    if (this.recorders === undefined) return this.#step(cell, event);
    if (this.#isShown(cell)) this.inspected.event(cell, event);
    try {
      const next = this.#step(cell, event);
      this.recorders.handled(cell, event, next);
      return next;
    } catch (error) {
      this.recorders?.failed(cell, event, error);
      throw error;
    }
  }

  #step(cell: HostingCell, event: EventObject): Snapshot<unknown> {
    const scope = this.#scopeOf(cell);
    cell.self?.system.resetMicrosteps();
    scope.event = event;
    try {
      const way = this.#isShown(cell) ? undefined : this.#wayOf(cell.logic).short;
      if (typeof way === 'function') return reduce(way, cell.snapshot!, event, given(scope));
      if (way) {
        const next = flatStep(way, cell.snapshot as AnyMachineSnapshot, event, scope, this.microstepsMax);
        if (next) return next as Snapshot<unknown>;
      }
      return cell.logic.transition(cell.snapshot, event, given(scope));
    } catch (error) {
      this.#forget(scope);
      throw error;
    }
  }

  #wayOf(logic: AnyActorLogic): Way {
    if (logic === this.#lastLogic) return this.#lastWay!;
    let way = this.#ways.get(logic);
    if (!way) this.#ways.set(logic, (way = wayOf(logic)));
    this.#lastLogic = logic;
    return (this.#lastWay = way);
  }

  /** Whether the last transition left anything to release. */
  hasEffects(cell: HostingCell): boolean {
    const scope = this.#scopeOf(cell);
    return scope.custom.length > 0 || scope.deferred.length > 0;
  }

  /** Takes the effects of the last transition away, to be released later. */
  hold(cell: HostingCell): HeldEffects {
    const scope = this.#scopeOf(cell);
    const held = { event: scope.event, custom: scope.custom, deferred: scope.deferred, timers: scope.timers };
    scope.custom = [];
    scope.deferred = [];
    if (scope.timers.length > 0) scope.timers = [];
    return held;
  }

  /**
   * Runs effects: the user's actions in order, then what XState deferred. Throws what an action throws.
   * @param next The snapshot that the effects came with. As under XState the user's actions still see the one before.
   */
  release(cell: HostingCell, held: HeldEffects | undefined, next: Snapshot<unknown>): void {
    const scope = this.#scopeOf(cell);
    if (held) {
      scope.event = held.event;
      scope.custom.push(...held.custom);
      scope.deferred.push(...held.deferred);
    }
    const { custom, deferred } = scope;
    if (custom.length === 0 && deferred.length === 0) {
      cell.snapshot = next;
      if (this.recorders !== undefined) this.inspected.snapshot(cell, scope.event, next);
      return;
    }
    const turns = cell.self?.system.turns;
    const isOutermost = turns?.open(false);
    try {
      for (const action of custom) action.exec!(action.info, action.params);
      cell.snapshot = next;
      for (let i = 0; i < deferred.length; i++) deferred[i]!(); // which may defer more
    } finally {
      if (isOutermost) turns!.close();
      this.#forget(scope);
    }
    if (this.recorders !== undefined) this.inspected.snapshot(cell, scope.event, next);
  }

  /**
   * Lets a logic that is no machine put away what it holds, then ends this life's children and timers. A reducer that
   * failed is not asked again; a promise, callback or observable always is, or it would leak.
   */
  dispose(cell: HostingCell, hasFailed: boolean, error?: unknown): void {
    const { self } = cell;
    const wantsToKnow = cell.logic.start ? self?.hasBegun : !hasFailed;
    const isMachine = cell.logic instanceof StateMachine;
    if (cell.snapshot?.status === 'active' && wantsToKnow && !isMachine) this.#tellStop(cell);
    if (!self) return;
    self.system.dispose();
    self.end(hasFailed, error);
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
    const own = cell.self?.scope;
    if (own) return own;
    if (this.#wayOf(cell.logic).keepsScope) {
      const self = this.selfOf(cell);
      return (self.scope = new HostScope(this, self));
    }
    this.#shared.cell = cell;
    return this.#shared;
  }

  #forget(scope: HostScope): void {
    if (scope.custom.length > 0) scope.custom = [];
    if (scope.deferred.length > 0) scope.deferred = [];
    if (scope.timers.length > 0) scope.timers = [];
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

/**
 * Who answers for a `self`: itself, or the actor that it is a child in, whose message it is that the child was handed.
 * Undefined under plain XState, where nobody asks.
 */
function answererOf(self: unknown): HostedSelf | undefined {
  if (self instanceof HostedSelf) return self;
  const { system } = self as { readonly system?: unknown };
  return system instanceof HostedSystem ? system.host : undefined;
}

/** Answers through whatever `self` a logic was given. */
export const replyThrough = (self: unknown, value: unknown): boolean =>
  answererOf(self)?.reply(value) ?? false;

/** Keeps the ask that is being handled, through whatever `self` a logic was given. */
export const holdThrough = (self: unknown): void => answererOf(self)?.holdAsk();

/** Takes the ask that is being handled away from whatever `self` a logic was given, for somebody else to answer. */
export const takeAskThrough = (self: unknown): ReplyTarget | undefined => answererOf(self)?.takeAsk();
