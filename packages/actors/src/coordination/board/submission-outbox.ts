import { type Clock, isTuttiError, type Timer, TuttiError } from '@tutti/kernel';
import type { ReplicatedHandle } from '@tutti/runtime';
import type { PlanTask } from '../../engines/workflow/plan.ts';
import { isTransient } from '../delegation/propose-settled.ts';
import type { AddedSubmission, AddTasks, SubmissionAdded } from './commands.ts';
import { cutGroups, type Weight } from './cut-groups.ts';

interface Waiting {
  readonly submission: AddedSubmission;
  readonly weight: Weight;
  resolve(): void;
  reject(error: unknown): void;
}

/** Tasks that one entry of the log carries at most, unless a single submission has more. */
const TASKS_MAX = 256;

/** Submissions that wait at once to be proposed. */
const WAITING_MAX = 10_000;

/** Submissions without an answer, those that wait and those that are proposed. */
const UNANSWERED_MAX = 20_000;

/** How long a round that is not answered keeps back the next, in milliseconds: one lost frame holds up nobody else. */
const ROUND_MS_MAX = 100;

/** What was proposed together. */
interface Round {
  /** Entries that the log has not answered. */
  open: number;
  /** From when on the next goes in any case, on the clock's `now`. */
  readonly until: number;
}

/** Tasks that were proposed, and the session that they are for. */
export interface AddedTasks {
  readonly session: string;
  readonly tasks: readonly PlanTask[];
}

/** Refusals that each member of a group would meet alone, too, beside the transient ones. */
const OF_ALL = [
  'TUTTI_CLOSED',
  'TUTTI_ABORTED',
  'TUTTI_NOT_LEADER',
  'TUTTI_LEADERSHIP_MOVING',
  'TUTTI_MODULE_UNKNOWN',
  'TUTTI_SESSION_UNKNOWN',
  'TUTTI_BOARD_LEVEL_LOW',
] as const;

/**
 * Gathers what is added to each session into few entries of the log, and hands out what each submission came to. What
 * comes in one turn is proposed together at its end; what comes while the log is busy with that goes with the next, or
 * after 100 ms. So the busier the log is, the more goes into an entry (the self-clocking of group commit). A submission
 * that cannot be proposed at all is refused alone: those that were gathered with it are proposed once more, each by
 * itself.
 */
export class SubmissionOutbox {
  readonly #board: Pick<ReplicatedHandle, 'propose'>;
  readonly #clock: Clock;
  readonly #behind: (added: readonly AddedTasks[]) => void;
  #waiting = new Map<string, Waiting[]>();
  #size = 0;
  #unanswered = 0;
  #isDue = false;
  #timer: Timer | undefined;
  #latest: Round = { open: 0, until: 0 };

  /** @param behind Called when a round has been proposed, for what is to be proposed right behind it. */
  constructor(
    board: Pick<ReplicatedHandle, 'propose'>,
    clock: Clock,
    behind: (added: readonly AddedTasks[]) => void,
  ) {
    this.#board = board;
    this.#clock = clock;
    this.#behind = behind;
  }

  /** Resolves once the log has it. @throws TuttiError what the board refused it with, or what the proposal came to */
  add(session: string, submission: AddedSubmission): Promise<void> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal();
      if (refusal) return reject(refusal);
      this.#size++;
      this.#unanswered++;
      this.#sendSoon();
      let waiting = this.#waiting.get(session);
      if (!waiting) this.#waiting.set(session, (waiting = []));
      waiting.push({ submission, weight: weightOf(submission), resolve, reject });
    });
  }

  /**
   * Proposes at once what is gathered for a session, so that it comes before whatever its caller proposes next, and
   * gives back its tasks. Nothing is called behind them.
   */
  flush(session: string): readonly PlanTask[] {
    const waiting = this.#waiting.get(session) ?? [];
    this.#waiting.delete(session);
    this.#size -= waiting.length;
    const round = this.#latest.open > 0 ? this.#latest : this.#newRound();
    this.#start(round, session, waiting);
    return tasksOf(waiting);
  }

  #refusal(): TuttiError | undefined {
    const what = 'What waits to be added';
    if (this.#size >= WAITING_MAX)
      return new TuttiError('TUTTI_OVERLOADED', { what, size: this.#size, limit: WAITING_MAX });
    if (this.#unanswered >= UNANSWERED_MAX)
      return new TuttiError('TUTTI_OVERLOADED', { what, size: this.#unanswered, limit: UNANSWERED_MAX });
    return undefined;
  }

  #sendSoon(): void {
    if (this.#isDue || this.#size === 0) return;
    const waitMs = this.#latest.open > 0 ? this.#latest.until - this.#clock.now() : 0;
    if (waitMs > 0) {
      this.#timer ??= this.#clock.setTimer(waitMs, () => {
        this.#timer = undefined;
        this.#sendSoon();
      });
      return;
    }
    if (this.#timer) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#isDue = true;
    this.#clock.nextTurn(() => this.#sendAll());
  }

  #sendAll(): void {
    this.#isDue = false;
    const all = this.#waiting;
    if (all.size === 0) return;
    this.#waiting = new Map();
    this.#size = 0;
    const round = this.#newRound();
    for (const [session, waiting] of all) this.#start(round, session, waiting);
    this.#behind(Array.from(all, ([session, waiting]) => ({ session, tasks: tasksOf(waiting) })));
  }

  #newRound(): Round {
    return (this.#latest = { open: 0, until: this.#clock.now() + ROUND_MS_MAX });
  }

  #start(round: Round, session: string, waiting: readonly Waiting[]): void {
    for (const group of cutGroups(waiting, TASKS_MAX, ({ weight }) => weight)) {
      round.open++;
      void this.#send(session, group).finally(() => {
        round.open--;
        this.#unanswered -= group.length;
        this.#sendSoon();
      });
    }
  }

  async #send(session: string, group: readonly Waiting[]): Promise<void> {
    const submissions = group.map(({ submission }) => submission);
    try {
      const command = { type: 'tasks.add', session, submissions } satisfies AddTasks;
      const answers: readonly SubmissionAdded[] = await this.#board.propose(command);
      for (const [at, one] of group.entries()) {
        const answer = answers[at]!;
        if ('refused' in answer) one.reject(TuttiError.fromJSON(answer.refused));
        else one.resolve();
      }
    } catch (thrown) {
      // All in one turn, so that they keep their order and wait for one another as little as before.
      if (group.length > 1 && mayBeOfOne(thrown))
        await Promise.all(group.map((one) => this.#send(session, [one])));
      else for (const one of group) one.reject(thrown);
    }
  }
}

/** Whether a group may have been refused for one of its members. That of an unknown outcome may be in the log. */
function mayBeOfOne(thrown: unknown): boolean {
  return !isTransient(thrown) && !OF_ALL.some((code) => isTuttiError(thrown, code));
}

function tasksOf(waiting: readonly Waiting[]): PlanTask[] {
  return waiting.flatMap(({ submission }) => submission.tasks);
}

/** What makes no sense travels alone, and the log says what is wrong with it. */
function weightOf({ tasks }: AddedSubmission): Weight {
  try {
    if (Array.isArray(tasks)) return { pieces: tasks.length, characters: JSON.stringify(tasks).length };
  } catch {
    // A circle, a big integer, or a getter that throws.
  }
  return { pieces: Infinity, characters: Infinity };
}
