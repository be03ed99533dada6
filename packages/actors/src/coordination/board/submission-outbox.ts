import { type Clock, isTuttiError, TuttiError } from '@tutti/kernel';
import type { ReplicatedHandle } from '@tutti/runtime';
import type { PlanTask } from '../../engines/workflow/plan.ts';
import type { AddedSubmission, AddTasks, SubmissionAdded } from './commands.ts';

interface Waiting {
  readonly submission: AddedSubmission;
  resolve(): void;
  reject(error: unknown): void;
}

/** Tasks that one entry of the log carries at most, unless a single submission has more. */
const TASKS_MAX = 256;

/** Submissions that wait at once to be proposed. */
const WAITING_MAX = 10_000;

/**
 * Gathers what is added to each session into few entries of the log, and hands out what each submission came to. What
 * comes in one turn is proposed together at its end; what comes while the log is busy with that goes with the next, so
 * that the busier the log is, the more goes into an entry (the self-clocking of group commit).
 */
export class SubmissionOutbox {
  readonly #board: Pick<ReplicatedHandle, 'propose'>;
  readonly #clock: Clock;
  readonly #behind: (session: string, tasks: readonly PlanTask[]) => void;
  #waiting = new Map<string, Waiting[]>();
  #size = 0;
  #isDue = false;
  /** Entries that the log has not answered. */
  #underWay = 0;

  /** @param behind Called when tasks have been proposed, for what is to be proposed right behind them. */
  constructor(
    board: Pick<ReplicatedHandle, 'propose'>,
    clock: Clock,
    behind: (session: string, tasks: readonly PlanTask[]) => void,
  ) {
    this.#board = board;
    this.#clock = clock;
    this.#behind = behind;
  }

  /** Resolves once the log has it. @throws TuttiError what the board refused it with, or what the proposal came to */
  add(session: string, submission: AddedSubmission): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#size >= WAITING_MAX) {
        const details = { what: 'What waits to be added', size: this.#size, limit: WAITING_MAX };
        return reject(new TuttiError('TUTTI_OVERLOADED', details));
      }
      this.#size++;
      this.#sendSoon();
      let waiting = this.#waiting.get(session);
      if (!waiting) this.#waiting.set(session, (waiting = []));
      waiting.push({ submission, resolve, reject });
    });
  }

  #sendSoon(): void {
    if (this.#isDue || this.#underWay > 0 || this.#size === 0) return;
    this.#isDue = true;
    this.#clock.nextTurn(() => this.#sendAll());
  }

  #sendAll(): void {
    this.#isDue = false;
    const all = this.#waiting;
    this.#waiting = new Map();
    this.#size = 0;
    for (const [session, waiting] of all)
      for (const group of grouped(waiting)) {
        this.#underWay++;
        void this.#send(session, group).then(() => {
          this.#underWay--;
          this.#sendSoon();
        });
        this.#behind(
          session,
          group.flatMap(({ submission }) => submission.tasks),
        );
      }
  }

  async #send(session: string, group: readonly Waiting[]): Promise<void> {
    const submissions = group.map(({ submission }) => submission);
    let answers: readonly SubmissionAdded[];
    try {
      answers = await this.#board.propose({ type: 'tasks.add', session, submissions } satisfies AddTasks);
    } catch (thrown) {
      if (isTuttiError(thrown, 'TUTTI_PROPOSAL_TOO_LARGE') && group.length > 1)
        for (const one of group) await this.#send(session, [one]);
      else for (const one of group) one.reject(thrown);
      return;
    }
    for (const [at, one] of group.entries()) {
      const answer = answers[at]!;
      if ('refused' in answer) one.reject(TuttiError.fromJSON(answer.refused));
      else one.resolve();
    }
  }
}

function grouped(waiting: readonly Waiting[]): Waiting[][] {
  const groups: Waiting[][] = [];
  let tasks = 0;
  for (const item of waiting) {
    const group = groups.at(-1);
    tasks += item.submission.tasks.length;
    if (group && tasks <= TASKS_MAX) group.push(item);
    else {
      groups.push([item]);
      tasks = item.submission.tasks.length;
    }
  }
  return groups;
}
