import { type Clock, isTuttiError, type Random } from '@tutti/kernel';
import type { BatchAnswer, SingleCommand } from '../coordination/board/commands.ts';
import { cutGroups } from '../coordination/board/cut-groups.ts';
import type { Delegation } from '../coordination/delegation/delegation.ts';
import type { DelegationEvent } from '../coordination/delegation/delegation-table.ts';
import { type Proposer, proposeSettled } from '../coordination/delegation/propose-settled.ts';

/** What an outbox works with. */
export interface OutboxTools {
  readonly board: Proposer;
  readonly clock: Clock;
  readonly random: Random;
  /** What the log said, told once for each report. */
  readonly answered: (reports: readonly Delegation[], event: DelegationEvent, refusal?: unknown) => void;
  /** What to propose behind these reports. */
  readonly next: (reports: readonly Delegation[]) => SingleCommand | undefined;
  /** Told of a defect. */
  readonly failed: (problem: unknown) => void;
}

/** Reports that one proposal carries at most, so that it stays far below the size of a command. */
const REPORTS_MAX = 512;

/** Gathers the reports of one turn into one proposal, and hands out what it came to. */
export class ReportOutbox {
  readonly #tools: OutboxTools;
  readonly #aborter = new AbortController();
  #waiting: Delegation[] = [];

  constructor(tools: OutboxTools) {
    this.#tools = tools;
  }

  /** Takes in a delegation that has something to report. It is bounded by what the orchestrator has at work. */
  add(delegation: Delegation): void {
    if (this.#waiting.push(delegation) > 1) return;
    this.#tools.clock.nextTurn(() => {
      const reports = this.#waiting.filter(({ state }) => state !== 'ended');
      this.#waiting = [];
      if (this.#aborter.signal.aborted) return;
      // What the reports carry is counted alone.
      const groups = cutGroups(reports, REPORTS_MAX, ({ characters }) => ({ pieces: 1, characters }));
      for (const group of groups) this.#send(group).catch(this.#tools.failed);
    });
  }

  /** Gives up on what is not answered. */
  close(): void {
    this.#waiting = [];
    this.#aborter.abort();
  }

  async #send(reports: readonly Delegation[]): Promise<void> {
    const { random, next, answered } = this.#tools;
    const commands = reports.map((report) => report.report(random));
    const last = next(reports);
    if (last) commands.push(last);
    const [only] = commands;
    const isAlone = commands.length === 1;
    let answer: unknown;
    try {
      const command = isAlone ? only! : ({ type: 'batch', commands } as const);
      answer = await proposeSettled(this.#tools, command, this.#aborter.signal);
    } catch (refusal) {
      if (isTuttiError(refusal, 'TUTTI_PROPOSAL_TOO_LARGE') && reports.length > 1)
        for (const report of reports) await this.#send([report]);
      else answered(reports, answerOf(refusal), refusal);
      return;
    }
    if (isAlone) answered(reports, 'logged');
    else this.#answerEach(reports, answer as BatchAnswer);
  }

  #answerEach(reports: readonly Delegation[], { refused }: BatchAnswer): void {
    const { answered } = this.#tools;
    if (refused.length === 0) return answered(reports, 'logged');
    const refusals = new Map(refused.map(({ at, code }) => [at, code]));
    answered(
      reports.filter((_, at) => !refusals.has(at)),
      'logged',
    );
    answered(
      reports.filter((_, at) => refusals.has(at)),
      'refused',
    );
  }
}

/** How an answer to a report is called in the table of a delegation's life. */
function answerOf(refusal: unknown): DelegationEvent {
  if (isTuttiError(refusal, 'TUTTI_PROPOSAL_TOO_LARGE')) return 'too-large';
  const isOver =
    !isTuttiError(refusal) || refusal.code === 'TUTTI_ABORTED' || refusal.code === 'TUTTI_CLOSED';
  return isOver ? 'closed' : 'refused';
}
