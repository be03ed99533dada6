import { backoffDelayMs, type Clock, type Logger, messageOf, type Random, type Timer } from '@tutti/kernel';
import type { Members, ReplicatedHandle } from '@tutti/runtime';
import type { BatchAnswer, BoardCommand } from '../board/commands.ts';
import type { TaskBoard } from '../board/task-board.ts';
import { isTransient } from '../delegation/propose-settled.ts';
import { Agenda, ASK_AGAIN_MS, type Asked } from './agenda.ts';
import { askedBy, type MasterPolicy, masterDuties } from './duties.ts';

/** What a master works with: this node's own, closed over. */
export interface MasterTools {
  readonly board: ReplicatedHandle<TaskBoard>;
  readonly members: Members;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly policy: MasterPolicy;
}

/** What a desk tells the master that it belongs to. */
export interface MasterDeskListener {
  /** The log could not be reached; or it is tried again. */
  reached(isReached: boolean): void;
  /** A defect; the desk is to be closed then. */
  failed(problem: unknown): void;
}

/** A look without any reason, in case the reason was missed. */
const SWEEP_MS = 30_000;
const NO_LEADER_WAIT = { initialMs: 20, maxMs: 1_000, factor: 2, jitter: 0.5 } as const;

/**
 * The work of the master: it looks at the board and proposes what is due, all of it as one entry and one entry at a
 * time, so that what changes meanwhile is the next. Plain code under an actor, since there is a look for every turn in
 * which the board changes: as steps of a machine these cost several times what they decide.
 */
export class MasterDesk {
  readonly #tools: MasterTools;
  readonly #listener: MasterDeskListener;
  #agenda = new Agenda();
  /** What the proposal under way asks for, by key; undefined when there is none. */
  #asking: readonly string[] | undefined;
  /** Whether there was a reason to look while a proposal was under way. */
  #looksAgain = false;
  /** Proposals in a row that did not reach the log. */
  #misses = 0;
  /** Whether nothing is to be proposed until the wait after a miss is over. */
  #isWaiting = false;
  #next: { readonly at: number; readonly timer: Timer } | undefined;
  #isClosed = false;

  constructor(tools: MasterTools, listener: MasterDeskListener) {
    this.#tools = tools;
    this.#listener = listener;
  }

  /** To be called when the board or the members have changed. While the log cannot be reached it waits. */
  look(): void {
    if (!this.#isWaiting) this.#guarded(() => this.#look());
  }

  /** Proposes nothing more. What is under way takes effect or not; the next master sees it on the board. */
  close(): void {
    this.#isClosed = true;
    if (this.#next) this.#tools.clock.clearTimer(this.#next.timer);
  }

  #look(): void {
    if (this.#asking) {
      this.#looksAgain = true;
      return;
    }
    this.#looksAgain = false;
    const { board, members, clock, policy, random } = this.#tools;
    this.#agenda = this.#agenda.upToDate(board.module, clock.now());
    const commands = masterDuties({
      board: board.module,
      members: members.list(),
      wallTimeMs: clock.wallTime(),
      agenda: this.#agenda,
      policy,
      random,
    });
    const [only] = commands;
    if (only) {
      const entries = commands.flatMap((command): Asked[] => askedBy(board.module, command));
      this.#agenda = this.#agenda.with(entries, clock.now());
      this.#asking = entries.map(({ key }) => key);
      const command: BoardCommand = commands.length === 1 ? only : { type: 'batch', commands };
      board.propose(command).then(
        (answer) => this.#guarded(() => this.#settled(answer)),
        (thrown: unknown) => this.#guarded(() => this.#refused(thrown)),
      );
    }
    this.#wakeIn(this.#nextLookMs());
  }

  /** Whatever comes in goes through here: nothing once it is closed, and a defect is told to the listener. */
  #guarded(work: () => void): void {
    if (this.#isClosed) return;
    try {
      work();
    } catch (problem) {
      this.#listener.failed(problem);
    }
  }

  #settled(answer: unknown): void {
    this.#settle((answer as Partial<BatchAnswer> | undefined)?.refused ?? []);
  }

  #refused(thrown: unknown): void {
    if (!isTransient(thrown)) return this.#settle([messageOf(thrown)]);
    this.#agenda = this.#agenda.without(this.#asking ?? []);
    this.#asking = undefined;
    this.#isWaiting = true;
    this.#listener.reached(false);
    this.#wakeIn(backoffDelayMs(this.#misses++, NO_LEADER_WAIT, this.#tools.random));
  }

  /** The log has answered. */
  #settle(refused: readonly unknown[]): void {
    if (refused.length > 0)
      this.#tools.logger.debug({ refused }, 'the board refused what the master asked for');
    this.#asking = undefined;
    this.#misses = 0;
    if (this.#looksAgain) this.#look();
  }

  /** Until the next retry is due, what was asked may be asked again, or the next sweep. */
  #nextLookMs(): number {
    const { board, clock } = this.#tools;
    const wake = board.module.nextWake();
    const wakeInMs = wake ? Math.max(1, wake.retryAt - clock.wallTime()) : SWEEP_MS;
    const askAgainMs = this.#agenda.askAgainMs(clock.now()) ?? SWEEP_MS;
    return Math.min(wakeInMs <= 1 ? ASK_AGAIN_MS : wakeInMs, askAgainMs);
  }

  #wake(): void {
    if (this.#isWaiting) this.#listener.reached(true);
    this.#isWaiting = false;
    this.#look();
  }

  /** At the latest then: a timer that goes off earlier is left alone, since to look once too often costs little. */
  #wakeIn(delayMs: number): void {
    const { clock } = this.#tools;
    const at = clock.now() + delayMs;
    if (this.#next && this.#next.at <= at && !this.#isWaiting) return;
    if (this.#next) clock.clearTimer(this.#next.timer);
    const timer = clock.setTimer(delayMs, () => {
      this.#next = undefined;
      this.#guarded(() => this.#wake());
    });
    this.#next = { at, timer };
  }
}
