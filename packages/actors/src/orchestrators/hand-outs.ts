import type { Clock, Random } from '@tutti/kernel';
import type { Members, ReplicatedHandle } from '@tutti/runtime';
import type { TaskBoard } from '../coordination/board/task-board.ts';
import { type Arriving, handOut } from './hand-out.ts';

/** What hand-outs are made with. */
export interface HandOutTools {
  readonly board: Pick<ReplicatedHandle<TaskBoard>, 'module' | 'propose'>;
  readonly members: Pick<Members, 'list'>;
  readonly clock: Clock;
  readonly random: Random;
}

/** Openings and additions that one hand-out looks at; beyond these the master gives. */
const ARRIVING_MAX = 1_024;

/**
 * Asks for slots for what this node has just proposed: once for all that a turn brought, since this node's copy of the
 * board does not show yet what was asked for, and two that know nothing of each other ask for the same slots. For the
 * same reason nothing is asked for while the log has not answered the last. Whatever comes of it, the master gives what
 * is left.
 */
export class HandOuts {
  readonly #tools: HandOutTools;
  #arriving: Arriving[] = [];
  #isDue = false;
  #isUnanswered = false;

  constructor(tools: HandOutTools) {
    this.#tools = tools;
  }

  /**
   * At the end of this turn. To be called before these tasks are proposed, still in the same turn: what the log has to
   * do at its end is then behind this, and gets both together.
   */
  soon(arriving: Arriving): void {
    const { length } = this.#arriving;
    if (this.#isUnanswered || length >= ARRIVING_MAX || arriving.tasks.length === 0) return;
    this.#arriving.push(arriving);
    if (this.#isDue) return;
    this.#isDue = true;
    this.#tools.clock.nextTurn(() => {
      this.#isDue = false;
      this.now([]);
    });
  }

  /** For these and for all that waits for the end of the turn. Never throws. */
  now(arriving: readonly Arriving[]): void {
    const all = [...this.#arriving, ...arriving].slice(0, ARRIVING_MAX);
    this.#arriving = [];
    if (this.#isUnanswered || all.length === 0) return;
    const { board, members, random } = this.#tools;
    try {
      const commands = handOut(board.module, members.list(), all, random);
      const [only] = commands;
      if (!only) return;
      const answer = board.propose(commands.length === 1 ? only : { type: 'batch', commands });
      this.#isUnanswered = true;
      const answered = () => {
        this.#isUnanswered = false;
      };
      answer.then(answered, answered);
    } catch {
      // Tasks that cannot even be read are refused by the log; whoever brought them is told there.
    }
  }
}
