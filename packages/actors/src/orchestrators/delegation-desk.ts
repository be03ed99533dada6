import type { Clock, Logger, Random, Timer } from '@tutti/kernel';
import type { Members, ReplicatedHandle } from '@tutti/runtime';
import type { Holder, SingleCommand } from '../coordination/board/commands.ts';
import type { HeldAttempt } from '../coordination/board/holders.ts';
import type { TaskBoard } from '../coordination/board/task-board.ts';
import { Delegation } from '../coordination/delegation/delegation.ts';
import { delegationPackage } from '../coordination/delegation/delegation-package.ts';
import type { DelegationEvent, DelegationKind } from '../coordination/delegation/delegation-table.ts';
import { runWork, type WorkListener } from '../coordination/delegation/run-work.ts';
import type { Worker } from '../workers/worker.ts';
import type { DelegationCounts } from './delegation-counts.ts';
import { ReportOutbox } from './report-outbox.ts';
import { takeLevel } from './take-level.ts';
import { workList } from './work-list.ts';

/** What an orchestrator works with: this node's own, closed over, since none of it can be put into an event. */
export interface OrchestratorTools {
  /** Such as `backend`. */
  readonly id: string;
  readonly holder: Holder;
  readonly board: ReplicatedHandle<TaskBoard>;
  readonly members: Pick<Members, 'list'>;
  readonly workers: readonly Worker[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly counts: DelegationCounts;
  /** Fences handed over running whose work was begun here: known beyond a crash of the orchestrator. */
  readonly begun: Set<number>;
  /** Whether a slot that becomes free takes the next task itself; if not, the master's balancer places each. */
  readonly takesNext: boolean;
}

/** How much an orchestrator has to do. */
export interface Workload {
  /** At work here. */
  readonly live: number;
  /** Offered, and waiting for a slot. */
  readonly queued: number;
}

/**
 * How often at most the workload is told. It is for looking at, and each telling is a step of a machine, which costs
 * as much as several tasks.
 */
const TELL_EVERY_MS = 20;

/** Well over the time that this node's copy of the board is behind the log. */
const RECHECK_MS = 1_000;

/**
 * The delegations of one orchestrator on one node: compares what the board has given it with what is at work here, and
 * begins, reports or calls off what differs. One look, one proposal and one timer serve all of them, however many there
 * are, so that a task costs its own steps and nothing else.
 */
export class DelegationDesk {
  readonly #tools: OrchestratorTools;
  readonly #tell: (workload: Workload) => void;
  readonly #live = new Map<number, Delegation>();
  /** Fences that are over, until this node's copy of the board shows it. */
  readonly #settled = new Set<number>();
  readonly #outbox: ReportOutbox;
  readonly #listener: WorkListener<Delegation> = {
    done: (delegation, output, characters) => this.#done(delegation, output, characters),
    failed: (delegation, problem) => {
      if (delegation.workFailed(problem)) this.#report(delegation);
    },
  };
  readonly #rechecks = new Set<Timer>();
  #deadline: { readonly at: number; readonly timer: Timer } | undefined;
  #queued = 0;
  #told: Workload = { live: 0, queued: 0 };
  #telling: Timer | undefined;
  #toldAt = -Infinity;
  #isClosed = false;

  /** @param failed Told of a defect; the desk is to be closed then. */
  constructor(
    tools: OrchestratorTools,
    tell: (workload: Workload) => void,
    failed: (problem: unknown) => void,
  ) {
    this.#tools = tools;
    this.#tell = tell;
    this.#outbox = new ReportOutbox({
      ...tools,
      answered: (reports, event, refusal) => this.#answered(reports, event, refusal),
      next: (reports) => this.#next(reports),
      failed,
    });
  }

  /** Compares and acts. To be called when the board has changed. */
  look(): void {
    if (this.#isClosed) return;
    const { board, holder, id, begun } = this.#tools;
    const held = board.module.heldByOrchestrator(holder.node, holder.incarnation, id);
    const limitOf = (session: string) => board.module.session(session)?.limitOf(id) ?? 0;
    const list = workList({ held, live: this.#live, settled: this.#settled, begun, limitOf });
    for (const fence of list.cancel) this.#cancel(fence);
    for (const item of list.orphans) this.#begin(item, 'orphaned');
    for (const item of list.start) this.#begin(item, 'offered');
    for (const item of list.begin) this.#begin(item, 'handed-over');
    for (const fence of this.#settled) if (!held.has(fence)) this.#settled.delete(fence);
    for (const fence of begun) if (!held.has(fence)) begun.delete(fence);
    this.#queued = list.queued;
    this.#tellSoon();
  }

  /** Aborts all work and reports nothing more. */
  close(): void {
    this.#isClosed = true;
    this.#outbox.close();
    const { clock } = this.#tools;
    for (const timer of this.#rechecks) clock.clearTimer(timer);
    if (this.#telling) clock.clearTimer(this.#telling);
    if (this.#deadline) clock.clearTimer(this.#deadline.timer);
    for (const delegation of this.#live.values()) delegation.abort();
    this.#live.clear();
  }

  /** Later than in this turn, so that what ends and what is begun for it in one turn are no news. */
  #tellSoon(): void {
    const { clock } = this.#tools;
    const [live, queued] = [this.#live.size, this.#queued];
    if (this.#telling || (live === this.#told.live && queued === this.#told.queued)) return;
    const delayMs = Math.max(0, this.#toldAt + TELL_EVERY_MS - clock.now());
    this.#telling = clock.setTimer(delayMs, () => this.#tellNow());
  }

  #tellNow(): void {
    this.#telling = undefined;
    const [live, queued] = [this.#live.size, this.#queued];
    if (live === this.#told.live && queued === this.#told.queued) return;
    this.#toldAt = this.#tools.clock.now();
    this.#told = { live, queued };
    this.#tell(this.#told);
  }

  #begin({ session, record, attempt }: HeldAttempt, kind: DelegationKind): void {
    const offer = delegationPackage(this.#tools.board.module.session(session)!, record, attempt);
    const delegation = new Delegation(offer, kind);
    this.#live.set(offer.fence, delegation);
    if (kind === 'handed-over') {
      this.#tools.begun.add(offer.fence);
      this.#work(delegation);
    } else this.#outbox.add(delegation);
  }

  #work(delegation: Delegation): void {
    const { workers, clock } = this.#tools;
    delegation.deadline = clock.now() + delegation.offer.timeoutMs;
    this.#watchDeadline(delegation.deadline);
    runWork(workers, delegation, this.#listener);
  }

  #done(delegation: Delegation, output: unknown, characters: number): void {
    if (delegation.workDone(output, characters)) return this.#report(delegation);
    const { counts, logger } = this.#tools;
    const { task, fence } = delegation.offer;
    counts.add('late');
    logger.info({ task, fence }, 'a result came after its attempt was called off; it goes nowhere');
  }

  #report(delegation: Delegation): void {
    if (!this.#isClosed) this.#outbox.add(delegation);
  }

  #cancel(fence: number): void {
    const delegation = this.#live.get(fence)!;
    if (delegation.step('cancel')) this.#over(delegation);
  }

  /** The log has answered some reports, all in the same way. */
  #answered(reports: readonly Delegation[], event: DelegationEvent, refusal: unknown): void {
    if (this.#isClosed) return;
    let isDoubtful = false;
    for (const delegation of reports) {
      const moved = event === 'too-large' ? delegation.tooLarge(refusal) : delegation.step(event);
      if (!moved) continue;
      if (delegation.state === 'running') this.#work(delegation);
      else if (delegation.state === 'ended') isDoubtful = this.#over(delegation) || isDoubtful;
      else this.#outbox.add(delegation);
    }
    // What changed the board is looked at with its change. A slot that is free without one may have somebody waiting.
    if (isDoubtful) this.look();
  }

  /** Whether the board may not show it as over. */
  #over({ offer: { fence }, end }: Delegation): boolean {
    this.#live.delete(fence);
    this.#settled.add(fence);
    this.#tools.counts.add(end!);
    this.#tellSoon();
    if (end === 'stale' || end === 'abandoned') this.#recheck(fence);
    return end !== 'done';
  }

  /** Looks again at a fence whose report was refused, in case the board goes on showing it as held here. */
  #recheck(fence: number): void {
    const { clock } = this.#tools;
    const timer = clock.setTimer(RECHECK_MS, () => {
      this.#rechecks.delete(timer);
      this.#settled.delete(fence);
      this.look();
    });
    this.#rechecks.add(timer);
  }

  /** One timer for the deadline that comes first; finding the next costs a pass over what is at work. */
  #watchDeadline(at: number): void {
    const { clock } = this.#tools;
    if (at === Infinity || (this.#deadline && this.#deadline.at <= at)) return;
    if (this.#deadline) clock.clearTimer(this.#deadline.timer);
    this.#deadline = { at, timer: clock.setTimer(at - clock.now(), () => this.#timeOut()) };
  }

  #timeOut(): void {
    this.#deadline = undefined;
    const now = this.#tools.clock.now();
    let next = Infinity;
    for (const delegation of this.#live.values())
      if (delegation.deadline > now) next = Math.min(next, delegation.deadline);
      else if (delegation.timedOut()) this.#report(delegation);
    this.#watchDeadline(next);
  }

  /** With ends of attempts goes the wish for the next ones, where there may be some. */
  #next(reports: readonly Delegation[]): SingleCommand | undefined {
    const { board, holder, id, members, takesNext } = this.#tools;
    if (!takesNext) return undefined;
    const ending = reports.filter(({ state }) => state === 'completing' || state === 'failing');
    const upTo = takeLevel(board.module, members.list(), holder, id, ending);
    return upTo === undefined ? undefined : { type: 'tasks.take', holder, orchestrator: id, upTo };
  }
}
