import { type Clock, isTuttiError, TuttiError } from '@tutti/kernel';
import type { ReplicatedHandle } from '@tutti/runtime';
import type { AddedSubmission, AddTasks, SubmissionAdded } from './commands.ts';

interface Waiting {
  readonly submission: AddedSubmission;
  resolve(): void;
  reject(error: unknown): void;
}

/** Tasks that one entry of the log carries at most, unless a single submission has more. */
const TASKS_MAX = 256;

/** Submissions that wait for their turn at once; they wait for one turn of the event loop. */
const WAITING_MAX = 10_000;

/** Gathers what is added to each session in one turn into one entry of the log, and hands out what each came to. */
export class SubmissionOutbox {
  readonly #board: Pick<ReplicatedHandle, 'propose'>;
  readonly #clock: Clock;
  #waiting = new Map<string, Waiting[]>();
  #size = 0;

  constructor(board: Pick<ReplicatedHandle, 'propose'>, clock: Clock) {
    this.#board = board;
    this.#clock = clock;
  }

  /** Resolves once the log has it. @throws TuttiError what the board refused it with, or what the proposal came to */
  add(session: string, submission: AddedSubmission): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#size >= WAITING_MAX) {
        const details = { what: 'What waits to be added', size: this.#size, limit: WAITING_MAX };
        return reject(new TuttiError('TUTTI_OVERLOADED', details));
      }
      if (this.#size++ === 0) this.#clock.nextTurn(() => this.#sendAll());
      let waiting = this.#waiting.get(session);
      if (!waiting) this.#waiting.set(session, (waiting = []));
      waiting.push({ submission, resolve, reject });
    });
  }

  #sendAll(): void {
    const all = this.#waiting;
    this.#waiting = new Map();
    this.#size = 0;
    for (const [session, waiting] of all)
      for (const group of grouped(waiting)) void this.#send(session, group);
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
