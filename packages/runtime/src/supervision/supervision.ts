import type { Clock, Random, Timer } from '@tutti/kernel';
import {
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
  readonly policy: ChildPolicy | false;
  /** True when its logic is put away and it waits to be told what next. */
  readonly isDown: boolean;
  readonly isStopped: boolean;
  /** Puts its logic and its own children away, and keeps its mailbox. Ends with `onDown`. */
  suspend(): void;
  /** Says that it waits for a restart, so that its stash limit holds. */
  awaitRestart(): void;
  restart(): void;
  requestStop(): void;
  /** Ends a child that is down. */
  terminate(reason: 'failed' | 'done' | 'stopped', error?: unknown): void;
}

/** What a supervisor may use. */
export interface SupervisionHost {
  readonly clock: Clock;
  readonly random: Random;
  /** In the order of their start. */
  supervisedCells(): Iterable<SupervisedCell>;
  /** A child failed too often. The host ends it, and fails itself or, being the guardian, reports it. */
  escalate(child: SupervisedCell, error: unknown): void;
}

/** One round of a strategy that takes several children along: put down in order, wait, start again in order. */
interface Round {
  readonly down: { readonly child: SupervisedCell; readonly forGood: boolean }[];
  readonly up: SupervisedCell[];
  delayMs: number;
  awaited: SupervisedCell | undefined;
}

/** Carries out what {@link decide} says for the children of one actor. */
export class Supervision {
  readonly #host: SupervisionHost;
  readonly #kind: RestartStrategy;
  readonly #totalIntensity: Intensity | undefined;
  readonly #histories = new Map<SupervisedCell, RestartHistory>();
  readonly #timers = new Set<Timer>();
  #total: RestartHistory = NO_HISTORY;
  #round: Round | undefined;
  #waiting: { child: SupervisedCell; how: 'failed' | 'done'; error: unknown }[] = [];

  constructor(host: SupervisionHost, kind: RestartStrategy, totalIntensity: Intensity | undefined) {
    this.#host = host;
    this.#kind = kind;
    this.#totalIntensity = totalIntensity;
  }

  /** A child's logic is put away: because it failed, because it was done, or because a round asked for it. */
  onDown(child: SupervisedCell, how: 'failed' | 'done' | 'suspended', error: unknown): void {
    if (!child.isDown) return;
    if (this.#round?.awaited === child) return this.#advance(this.#round);
    if (how === 'suspended' || this.#round?.up.includes(child)) return;
    if (this.#round) this.#waiting.push({ child, how, error });
    else this.#decide(child, how, error);
  }

  /** A child is gone for good. */
  onEnded(child: SupervisedCell): void {
    this.#histories.delete(child);
    if (this.#round?.awaited === child) this.#advance(this.#round);
  }

  /** The host closes: nothing is restarted any more. */
  cancel(): void {
    for (const timer of this.#timers) this.#host.clock.clearTimer(timer);
    this.#timers.clear();
    this.#round = undefined;
    this.#waiting = [];
  }

  #decide(child: SupervisedCell, how: 'failed' | 'done', error: unknown): void {
    const cells = new Map<string, SupervisedCell>();
    const children: SupervisedChild[] = [];
    if (this.#kind === 'one-for-one') {
      cells.set(child.id, child);
      children.push(supervised(child.id, child.policy));
    } else {
      for (const cell of this.#host.supervisedCells()) {
        cells.set(cell.id, cell);
        children.push(supervised(cell.id, cell.policy));
      }
    }
    const strategy = { kind: this.#kind, children, totalIntensity: this.#totalIntensity };
    const failure: ChildFailure = { child: child.id, how, atMs: this.#host.clock.now() };
    const history = this.#histories.get(child) ?? NO_HISTORY;
    const decision = decide(strategy, failure, history, this.#total, this.#host.random);
    this.#histories.set(child, decision.history);
    this.#total = decision.total;

    const round: Round = { down: [], up: [], delayMs: 0, awaited: undefined };
    for (const directive of decision.directives) {
      const cell = cells.get(directive.child)!;
      if (directive.type === 'escalate') return this.#host.escalate(cell, error);
      if (directive.type === 'restart') {
        round.up.push(cell);
        round.delayMs = directive.delayMs;
      } else if (cell !== child) round.down.push({ child: cell, forGood: directive.type === 'stop' });
      else if (directive.type === 'stop') return child.terminate(how, error);
    }
    this.#begin(round);
  }

  #begin(round: Round): void {
    if (round.down.length === 0) return this.#startAgain(round);
    this.#round = round;
    this.#advance(round);
  }

  #advance(round: Round): void {
    for (let next = round.down.shift(); next; next = round.down.shift()) {
      if (next.child.isStopped) continue;
      round.awaited = next.child;
      if (next.forGood) next.child.requestStop();
      else if (next.child.isDown) continue;
      else next.child.suspend();
      return;
    }
    round.awaited = undefined;
    this.#startAgain(round);
  }

  #startAgain(round: Round): void {
    for (const child of round.up) child.awaitRestart();
    if (round.delayMs === 0) return this.#finish(round);
    const timer = this.#host.clock.setTimer(round.delayMs, () => {
      this.#timers.delete(timer);
      this.#finish(round);
    });
    this.#timers.add(timer);
  }

  #finish(round: Round): void {
    for (const child of round.up) if (child.isDown) child.restart();
    if (this.#round !== round) return;
    this.#round = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { child, how, error } of waiting) this.onDown(child, how, error);
  }
}
