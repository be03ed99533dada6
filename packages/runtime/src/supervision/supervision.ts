import { type Clock, isTuttiError, type Random, type Timer } from '@tutti/kernel';
import type { Address } from '../actor/ref.ts';
import {
  type ChildEnding,
  type ChildFailure,
  decide,
  NO_HISTORY,
  type RestartHistory,
  type RestartStrategy,
  type SupervisedChild,
  supervised,
} from './decide.ts';
import type { ChildPolicy, Intensity } from './policy.ts';

/** A child as whoever supervises it handles it. Each of these returns at once; what it starts ends with a call back. */
export interface SupervisedCell {
  readonly id: string;
  readonly address: Address;
  readonly policy: ChildPolicy | false;
  /** True when its logic is put away, or not begun, and it waits to be told what next. */
  readonly isDown: boolean;
  readonly isStopped: boolean;
  /** Somebody told it to stop. */
  readonly stopRequested: boolean;
  /** Takes it down before its first start, to be started in its turn. */
  holdBack(): void;
  /** Its first start. Ends with `onUp`, or with `onDown`. */
  start(): void;
  /** Puts its logic and its own children away, and keeps its mailbox. Ends with `onDown`. */
  suspend(): void;
  /** Says that it waits for a restart, so that its stash limit holds. */
  awaitRestart(): void;
  /** Starts it again. Ends with `onUp`, or with `onDown`. */
  restart(): void;
  requestStop(): void;
  /** Ends a child that is down. */
  terminate(reason: ChildEnding, error?: unknown): void;
}

/** What a supervisor may use. */
export interface SupervisionHost {
  readonly clock: Clock;
  readonly random: Random;
  /** In the order of their start. */
  supervisedCells(): Iterable<SupervisedCell>;
  /** A child failed too often, or could not be started at first. The host ends it, and fails or, being the guardian, reports. */
  escalate(child: SupervisedCell, error: unknown): void;
  /** Every child that was to be started is up. */
  onAllUp(): void;
  /** The significant children have ended by themselves: the host ends too. */
  shutDown(): void;
}

/** How it is gone about. */
export interface SupervisionOptions {
  readonly kind: RestartStrategy;
  readonly totalIntensity?: Intensity | undefined;
  readonly autoShutdown?: 'never' | 'any-significant' | 'all-significant' | undefined;
}

/**
 * Several children on their way together: put down last first, then a wait, then started first first. Each step waits
 * for the one before, so that whoever starts finds those before it up, with all that is below them.
 */
interface Round {
  /** Nobody was up before: a child that cannot be started is no reason to try again, but fails the supervisor. */
  readonly isFirst: boolean;
  /** The next one last. */
  readonly down: { readonly child: SupervisedCell; readonly forGood: boolean }[];
  /** The next one last. */
  readonly up: SupervisedCell[];
  readonly delayMs: number;
  stage: 'stopping' | 'waiting' | 'starting';
  awaited: SupervisedCell | undefined;
  timer: Timer | undefined;
}

/** Carries out what {@link decide} says for the children of one actor. */
export class Supervision {
  readonly #host: SupervisionHost;
  readonly #options: SupervisionOptions;
  readonly #histories = new Map<SupervisedCell, RestartHistory>();
  /** Of children that wait for their restart each by itself. */
  readonly #timers = new Set<Timer>();
  #total: RestartHistory = NO_HISTORY;
  #round: Round | undefined;
  /** What happened meanwhile and is decided when the round is over. */
  #meanwhile: { child: SupervisedCell; how: ChildEnding; error: unknown }[] = [];
  #isCancelled = false;

  constructor(host: SupervisionHost, options: SupervisionOptions) {
    this.#host = host;
    this.#options = options;
  }

  /** Starts the children that are down, one after another in their order. */
  startAll(): void {
    const up = [...this.#host.supervisedCells()].filter((child) => child.isDown).reverse();
    this.#begin(makeRound({ isFirst: true, up }));
  }

  /** Whether news that this child is up would be of use. */
  awaitsStart(child: SupervisedCell): boolean {
    return this.#round?.stage === 'starting' && this.#round.awaited === child;
  }

  /** A child's first state is there, and its own children are up. */
  onUp(child: SupervisedCell): void {
    if (this.awaitsStart(child)) this.#startNext(this.#round!);
  }

  /** A child's logic is put away: because it ended by itself, or because a round asked for it. */
  onDown(child: SupervisedCell, how: ChildEnding | 'suspended', error: unknown): void {
    if (!child.isDown || this.#isCancelled) return;
    const round = this.#round;
    if (round?.stage === 'stopping' && round.awaited === child) return this.#stopNext(round);
    if (how === 'suspended') return;
    if (round?.stage === 'starting') {
      if (round.awaited === child) return this.#endedAtStart(round, child, how, error);
    } else if (round?.up.includes(child)) return; // it is started again with the others
    if (round && round.stage !== 'waiting') this.#meanwhile.push({ child, how, error });
    else this.#decide(child, how, error);
  }

  /** Whether the end of this child is of use to know. */
  concerns(child: SupervisedCell): boolean {
    return this.#round?.awaited === child || this.#histories.has(child) || isSignificant(child);
  }

  /** A child is gone for good. */
  onEnded(child: SupervisedCell): void {
    this.#histories.delete(child);
    const round = this.#round;
    if (round?.awaited === child) {
      if (round.stage === 'stopping') this.#stopNext(round);
      else this.#startNext(round);
    }
    if (!child.stopRequested && isSignificant(child) && this.#isOver()) this.#host.shutDown();
  }

  #isOver(): boolean {
    const { autoShutdown = 'never' } = this.#options;
    if (autoShutdown === 'all-significant') return ![...this.#host.supervisedCells()].some(isSignificant);
    return autoShutdown === 'any-significant';
  }

  /** The host closes: nothing is restarted any more, though it may be in the middle of what happened meanwhile. */
  cancel(): void {
    this.#isCancelled = true;
    for (const timer of this.#timers) this.#host.clock.clearTimer(timer);
    this.#timers.clear();
    this.#leaveRound();
    this.#meanwhile = [];
  }

  #leaveRound(): void {
    if (this.#round?.timer) this.#host.clock.clearTimer(this.#round.timer);
    this.#round = undefined;
  }

  #decide(child: SupervisedCell, how: ChildEnding, error: unknown): void {
    const { kind, totalIntensity } = this.#options;
    const cells = new Map<string, SupervisedCell>();
    const children: SupervisedChild[] = [];
    for (const cell of isForOne(kind) ? [child] : this.#host.supervisedCells()) {
      cells.set(cell.id, cell);
      children.push(supervised(cell.id, cell.policy));
    }
    const isExcused = isTuttiError(error) && error.details['isExcused'] === true;
    const failure: ChildFailure = { child: child.id, how, atMs: this.#host.clock.now(), isExcused };
    const history = this.#histories.get(child) ?? NO_HISTORY;
    const strategy = { kind, children, totalIntensity };
    const decision = decide(strategy, failure, history, this.#total, this.#host.random);
    this.#histories.set(child, decision.history);
    this.#total = decision.total;

    const round = { down: [] as Round['down'], up: [] as SupervisedCell[], delayMs: 0 };
    for (const directive of decision.directives) {
      const cell = cells.get(directive.child)!;
      if (directive.type === 'escalate') return this.#host.escalate(cell, error);
      if (directive.type === 'restart') {
        round.up.push(cell);
        round.delayMs = directive.delayMs;
      } else if (cell !== child) round.down.push({ child: cell, forGood: directive.type === 'stop' });
      else if (directive.type === 'stop') return child.terminate(how, error);
    }
    if (isForOne(kind)) this.#restartAlone(child, round.delayMs);
    else this.#begin(makeRound({ ...round, down: round.down.reverse(), up: round.up.reverse() }));
  }

  #restartAlone(child: SupervisedCell, delayMs: number): void {
    child.awaitRestart();
    if (delayMs === 0) return child.restart();
    const timer = this.#host.clock.setTimer(delayMs, () => {
      this.#timers.delete(timer);
      if (child.isDown) child.restart();
    });
    this.#timers.add(timer);
  }

  /** Starts a child that failed too often again, when the window of its intensity is over, and counts from there. */
  beginAnew(child: SupervisedCell): void {
    this.#histories.delete(child);
    this.#restartAlone(child, supervised(child.id, child.policy).intensity.withinMs);
  }

  /** A round that was waiting, or broke off while it started, goes on as part of the new one. */
  #begin(round: Round): void {
    const before = this.#round;
    this.#leaveRound();
    this.#round = before ? { ...round, up: this.#inOrder([...before.up, ...round.up]) } : round;
    this.#stopNext(this.#round);
  }

  /** The next one last. */
  #inOrder(cells: readonly SupervisedCell[]): SupervisedCell[] {
    const wanted = new Set(cells);
    return [...this.#host.supervisedCells()].filter((cell) => wanted.has(cell)).reverse();
  }

  #stopNext(round: Round): void {
    for (let next = round.down.pop(); next; next = round.down.pop()) {
      const { child, forGood } = next;
      if (child.isStopped || (child.isDown && !forGood)) continue;
      round.awaited = child;
      if (forGood) child.requestStop();
      else child.suspend();
      return;
    }
    round.awaited = undefined;
    round.stage = 'waiting';
    if (!round.isFirst) for (const child of round.up) child.awaitRestart();
    const start = () => {
      round.timer = undefined;
      round.stage = 'starting';
      this.#startNext(round);
    };
    if (round.delayMs === 0) start();
    else round.timer = this.#host.clock.setTimer(round.delayMs, start);
  }

  #startNext(round: Round): void {
    for (let child = round.up.pop(); child; child = round.up.pop()) {
      if (!child.isDown) continue;
      round.awaited = child;
      if (round.isFirst) child.start();
      else child.restart();
      return;
    }
    this.#round = undefined;
    if (round.isFirst) this.#host.onAllUp();
    const meanwhile = this.#meanwhile;
    this.#meanwhile = [];
    for (const { child, how, error } of meanwhile) this.onDown(child, how, error);
  }

  /** The child whose start the round waits for is down again. One that came to its end did start. */
  #endedAtStart(round: Round, child: SupervisedCell, how: ChildEnding, error: unknown): void {
    if (how !== 'failed') {
      this.#meanwhile.push({ child, how, error });
      return this.#startNext(round);
    }
    if (round.isFirst) this.#host.escalate(child, error);
    else this.#decide(child, how, error);
  }
}

const isForOne = (kind: RestartStrategy): boolean => kind === 'one-for-one' || kind === 'dynamic';

const isSignificant = ({ policy }: SupervisedCell): boolean =>
  policy !== false && policy.significant === true;

function makeRound(parts: Partial<Round>): Round {
  return {
    isFirst: false,
    down: [],
    up: [],
    delayMs: 0,
    stage: 'stopping',
    awaited: undefined,
    timer: undefined,
    ...parts,
  };
}
