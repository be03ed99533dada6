import { type Incarnation, type NodeId, TuttiError, unreachable, type WireValue } from '@tutti/kernel';
import { type ApplyContext, CLUSTER_LEVEL, type ReplicatedModule } from '@tutti/runtime';
import { checkPlan } from '../../engines/workflow/check-plan.ts';
import { BoardIndexes } from './board-indexes.ts';
import { refuseAbove } from './board-level.ts';
import { readBoard, writeBoard } from './board-snapshot.ts';
import { readCommand } from './command-shape.ts';
import type {
  AddTasks,
  Assigned,
  AssignTasks,
  Batch,
  BatchAnswer,
  BeginSession,
  Holder,
  HolderLost,
  LoseHolder,
  OpenSession,
  SessionMoved,
  SessionOpened,
  SingleCommand,
  SubmissionAdded,
  TakeTasks,
  TaskMoved,
  TasksTaken,
} from './commands.ts';
import { FinishedSessions } from './finished-sessions.ts';
import { type HeldAttempt, heldByFence, type Load } from './holders.ts';
import { JOURNAL_LIMIT, type Journal } from './journal.ts';
import { LostLives } from './lost-lives.ts';
import { moveTask } from './move-task.ts';
import { BoardSession } from './session.ts';
import { isSameWish } from './session-header.ts';
import type { BarrierRecord, SessionRecord, TaskRecord } from './state.ts';
import { takeTasks } from './take-tasks.ts';
import type { TaskCounts } from './task-record.ts';

/** Bounds of a board. They are part of the replicated state's behaviour: every voter must have the same. */
export interface TaskBoardOptions {
  /** Finished sessions that are kept for looking at, the oldest dropped first; default 100. */
  readonly finishedKept?: number;
  /**
   * Tasks of finished sessions that are kept, whole sessions being dropped, the oldest first; default 50,000, at some
   * 1 kB each with its plan. The session that ended last is kept whatever its size.
   */
  readonly finishedTasksKept?: number;
  /** Steps that each session's journal keeps; default 20,000. */
  readonly journalLimit?: number;
  /** Sessions open at once; default 20,000. One more is refused with `TUTTI_OVERLOADED`. */
  readonly openMax?: number;
}

/** How many tasks of a session are in each state, and in all. */
export type SessionSummary = Readonly<TaskCounts> & { readonly total: number };

/** A retry that waits for its time. */
export interface Wake {
  readonly session: string;
  readonly task: string;
  readonly retryAt: number;
}

/**
 * The replicated task board: the only truth about tasks, attempts, fences and barriers. It is a deterministic state
 * machine over {@link BoardCommand}s; a command costs what it touches, never a pass over all tasks (opening a
 * session and ending it early excepted, which each happen once). Tasks are added to a session that is open. Every attempt has a fence, a number that grows over
 * the whole board, and a result with an old fence is refused: `TUTTI_FENCE_STALE`. That refusal is counted in the
 * session's `staleResults`, the one change a refused command makes.
 */
export class TaskBoard implements ReplicatedModule {
  readonly name = 'board';
  readonly #journalLimit: number;
  readonly #openMax: number;
  readonly #sessions = new Map<string, BoardSession>();
  readonly #finished: FinishedSessions;
  #indexes = new BoardIndexes();
  readonly #lostLives = new LostLives();
  readonly #level: () => number;
  #lastFence = 0;

  /** @param level What all members of the cluster can apply; by default what this node can. */
  constructor(options: TaskBoardOptions = {}, level: () => number = () => CLUSTER_LEVEL) {
    this.#finished = new FinishedSessions(options.finishedKept ?? 100, options.finishedTasksKept ?? 50_000);
    this.#journalLimit = options.journalLimit ?? JOURNAL_LIMIT;
    this.#openMax = options.openMax ?? 20_000;
    this.#level = level;
  }

  /** @throws TuttiError what the command's docstring names, or `TUTTI_BOARD_COMMAND_INVALID` */
  apply(command: WireValue, context: ApplyContext): WireValue {
    const read = readCommand(command);
    refuseAbove(this.#level(), read);
    return read.type === 'batch' ? this.#applyAll(read, context) : this.#applyOne(read, context);
  }

  #applyAll({ commands }: Batch, context: ApplyContext): BatchAnswer {
    const refused: BatchAnswer['refused'][number][] = [];
    commands.forEach((command, at) => {
      try {
        this.#applyOne(command, context);
      } catch (thrown) {
        if (!(thrown instanceof TuttiError)) throw thrown;
        refused.push({ at, code: thrown.code, message: thrown.message });
      }
    });
    return { refused };
  }

  #applyOne(read: SingleCommand, context: ApplyContext): WireValue {
    switch (read.type) {
      case 'session.open':
      case 'session.begin':
        return this.#open(read, context);
      case 'tasks.add':
        return this.#add(read, context);
      case 'tasks.assign':
        return this.#assign(read, context);
      case 'tasks.take':
        return this.#take(read, context);
      case 'holder.lost':
        return this.#lose(read, context);
      case 'session.cancel':
      case 'session.close':
      case 'barrier.resolve':
        return this.#moveSession(read, context);
      case 'task.start':
      case 'task.complete':
      case 'task.fail':
      case 'task.return':
      case 'task.wake':
      case 'task.degrade':
        return this.#moveTask(read, context);
      default:
        return unreachable(read);
    }
  }

  #open(command: OpenSession | BeginSession, context: ApplyContext): SessionOpened {
    const { type, session: id, plan, mode, folder } = command;
    const known = this.#sessions.get(id);
    if (known && !isSameWish(known, command)) throw new TuttiError('TUTTI_SESSION_EXISTS', { session: id });
    if (known) return opened(known, false);
    const staysOpen = type === 'session.begin';
    if (staysOpen && mode === 'wave') throw new TuttiError('TUTTI_SESSION_IN_WAVES', { session: id });
    const size = this.#sessions.size - this.#finished.size;
    if (size >= this.#openMax)
      throw new TuttiError('TUTTI_OVERLOADED', { what: 'The task board', size, limit: this.#openMax });
    const header = { id, plan, mode, folder, staysOpen, openedAt: context.timeMs };
    const checked = checkPlan(plan, undefined, { mayBeEmpty: staysOpen });
    const session = new BoardSession(header, checked, this.#indexes, this.#journalLimit);
    this.#sessions.set(id, session);
    this.#noteChecks(session);
    session.open(context);
    return opened(session, true);
  }

  #add({ session: id, submissions }: AddTasks, context: ApplyContext): SubmissionAdded[] {
    const session = this.#session(id);
    return submissions.map((submission): SubmissionAdded => {
      try {
        return { submission: submission.id, created: session.add(submission, context) };
      } catch (thrown) {
        if (!(thrown instanceof TuttiError)) throw thrown;
        const { code, details } = thrown;
        return { submission: submission.id, refused: { code, details } };
      }
    });
  }

  #assign(command: AssignTasks, context: ApplyContext): Assigned[] {
    const session = this.#session(command.session);
    session.refuseIfEnded();
    const { begin = false } = command;
    return command.assignments.map(({ task, why, node, incarnation }): Assigned => {
      try {
        this.#lostLives.refuse({ node, incarnation });
        const given = { node, incarnation, why, begin, nextFence: this.#nextFence };
        const { fence, number } = session.assign(task, given, context);
        return { task, fence, attempt: number };
      } catch (thrown) {
        if (!(thrown instanceof TuttiError)) throw thrown;
        return { task, refused: { code: thrown.code, message: thrown.message } };
      }
    });
  }

  readonly #nextFence = () => ++this.#lastFence;

  #take(command: TakeTasks, context: ApplyContext): TasksTaken {
    this.#lostLives.refuse(command.holder);
    return { taken: takeTasks(this.#indexes, command, this.#nextFence, context) };
  }

  #lose({ holder, recovery }: LoseHolder, context: ApplyContext): HolderLost {
    this.#lostLives.remember(holder);
    const held = this.heldBy(holder.node, holder.incarnation);
    const bySession = Map.groupBy(held, (item) => item.session);
    for (const [id, items] of bySession) {
      const session = this.#session(id);
      session.lose(items, holder, recovery, context);
      this.#retire(session);
    }
    const requeued = held.filter(({ record }) => record.state === 'ready');
    return { requeued: requeued.map(({ session, record }) => ({ session, task: record.plan.id })) };
  }

  #moveSession(
    command: Extract<SingleCommand, { type: 'session.cancel' | 'session.close' | 'barrier.resolve' }>,
    context: ApplyContext,
  ): SessionMoved {
    const session = this.#session(command.session);
    if (command.type === 'session.cancel' && session.state === 'cancelled') return { session: 'cancelled' };
    if (command.type === 'session.close' && session.state !== 'running') return { session: session.state };
    session.refuseIfEnded();
    if (command.type === 'barrier.resolve') session.resolve(command, context);
    else if (command.type === 'session.close') session.close(context);
    else
      session.end(
        'cancelled',
        new TuttiError('TUTTI_SESSION_CANCELLED', { reason: command.reason }),
        context,
      );
    this.#retire(session);
    return { session: session.state };
  }

  #moveTask(command: Extract<SingleCommand, { task: string }>, context: ApplyContext): TaskMoved {
    const session = this.#session(command.session);
    const wasRunning = session.state === 'running';
    const record = moveTask(session, command, context);
    if (wasRunning) this.#retire(session);
    return { task: command.task, state: record.state, session: session.state };
  }

  /** Puts a session that has just ended among the finished ones, and forgets the oldest of these. */
  #retire(session: BoardSession): void {
    if (session.state === 'running') return;
    this.#indexes.checking.delete(session);
    for (const { id } of this.#finished.add(session)) this.#sessions.delete(id);
  }

  #noteChecks(session: BoardSession): void {
    if (
      session.state === 'running' &&
      session.plan.barriers.some(({ check }) => check !== undefined && check !== null)
    )
      this.#indexes.checking.add(session);
  }

  #session(id: string): BoardSession {
    const session = this.#sessions.get(id);
    if (!session) throw new TuttiError('TUTTI_SESSION_UNKNOWN', { session: id });
    return session;
  }

  /** Captures what can change at once; what cannot (plans, outputs) is written while the parts are taken. */
  snapshot(): Iterable<WireValue> {
    return writeBoard({
      lastFence: this.#lastFence,
      lostLives: this.#lostLives.entries(),
      finished: this.#finished.ids(),
      turns: this.#turnsNow(),
      sessions: [...this.#sessions.values()],
    });
  }

  /** @throws TuttiError `TUTTI_BOARD_SNAPSHOT_INVALID`; the board is then as it was. */
  restore(parts: Iterable<WireValue>): void {
    const indexes = new BoardIndexes();
    const image = readBoard(parts, (header) => {
      const checked = checkPlan(header.plan, undefined, { mayBeEmpty: true });
      return new BoardSession(header, checked, indexes, this.#journalLimit);
    });
    this.#indexes = indexes;
    this.#lastFence = image.lastFence;
    this.#lostLives.restore(image.lostLives);
    this.#sessions.clear();
    for (const session of image.sessions) {
      this.#sessions.set(session.id, session);
      this.#noteChecks(session);
    }
    this.#finished.restore(image.finished.map((id) => this.#session(id)));
    for (const held of heldByFence(image.sessions)) indexes.holders.add(held);
    for (const [orchestrator, ids] of image.turns)
      for (const id of ids) indexes.turns.served(orchestrator, this.#session(id));
  }

  /** By name, since the order in which orchestrators came to be waited for is no part of the state. */
  #turnsNow(): [string, string[]][] {
    const { turns } = this.#indexes;
    const names = [...turns.orchestrators()].sort();
    return names.map((id) => [id, Array.from(turns.of(id), (session) => session.id)]);
  }

  /** Every session that is kept, in the order they were opened. */
  sessions(): IterableIterator<SessionRecord> {
    return this.#sessions.values();
  }

  session(id: string): SessionRecord | undefined {
    return this.#sessions.get(id);
  }

  /** The highest fence given out so far; 0 before the first. */
  get lastFence(): number {
    return this.#lastFence;
  }

  /** Ready tasks, least slack first, then lowest level, then id; of one orchestrator if it is given. */
  *readyTasks(session: string, orchestrator?: string): IterableIterator<TaskRecord> {
    const found = this.#sessions.get(session);
    if (!found) return;
    const ready = orchestrator === undefined ? found.ready : found.ready.of(orchestrator);
    for (const index of ready) yield found.recordAt(index);
  }

  /** Every attempt that this life of the node holds, assigned or running, oldest fence first. */
  heldBy(node: NodeId, incarnation: Incarnation): HeldAttempt[] {
    return [...this.#indexes.holders.of(node, incarnation).values()];
  }

  /** How many those are. */
  heldCount(node: NodeId, incarnation: Incarnation): number {
    return this.#indexes.holders.of(node, incarnation).size;
  }

  /** The same of one orchestrator, by fence, oldest first. Not a copy: it changes with the board. */
  heldByOrchestrator(
    node: NodeId,
    incarnation: Incarnation,
    orchestrator: string,
  ): ReadonlyMap<number, HeldAttempt> {
    return this.#indexes.holders.of(node, incarnation, orchestrator);
  }

  /** Attempts held and running, of one orchestrator on one node over all sessions. */
  laneLoad(orchestrator: string, node: NodeId): Load {
    return this.#indexes.holders.laneLoad(orchestrator, node);
  }

  /** Orchestrators that have tasks ready. */
  waitedFor(): IterableIterator<string> {
    return this.#indexes.turns.orchestrators();
  }

  isWaitedFor(orchestrator: string): boolean {
    return this.#indexes.turns.first(orchestrator) !== undefined;
  }

  /** Whether anything, task or barrier, comes after this task in its plan. */
  hasDependants(session: string, task: string): boolean {
    return this.#sessions.get(session)?.hasDependants(task) ?? false;
  }

  /** Sessions with tasks ready for this orchestrator, in the order of their turns. */
  turnsOf(orchestrator: string): IterableIterator<SessionRecord> {
    return this.#indexes.turns.of(orchestrator);
  }

  /** Sessions that run and have barriers with a check. */
  checkedSessions(): Iterable<SessionRecord> {
    return this.#indexes.checking;
  }

  /** Every life of a node that holds an attempt. */
  holders(): Holder[] {
    return this.#indexes.holders.holders();
  }

  /** Of what it holds, what it has not begun yet. */
  assignmentsOf(node: NodeId, incarnation: Incarnation): HeldAttempt[] {
    return this.heldBy(node, incarnation).filter((held) => held.record.state === 'assigned');
  }

  /** Barriers that are full and wait for `barrier.resolve`. */
  fullBarriers(session: string): BarrierRecord[] {
    const found = this.#sessions.get(session);
    if (found?.state !== 'running') return [];
    return [...found.barriers.values()].filter((barrier) => barrier.state === 'full');
  }

  /** Retries whose time has come at `nowMs`, of one session or of all, earliest first. */
  wakesDue(nowMs: number, session?: string): Wake[] {
    const wakes = [...this.#some(session)].flatMap(({ id, wakes }) =>
      wakes
        .due(nowMs)
        .map((record): Wake => ({ session: id, task: record.plan.id, retryAt: record.retryAt! })),
    );
    return wakes.sort((a, b) => a.retryAt - b.retryAt);
  }

  /** The earliest retry that waits, of one session or of all. */
  nextWake(session?: string): Wake | undefined {
    let next: Wake | undefined;
    for (const { id, wakes } of this.#some(session)) {
      const record = wakes.first();
      if (record && (!next || record.retryAt! < next.retryAt))
        next = { session: id, task: record.plan.id, retryAt: record.retryAt! };
    }
    return next;
  }

  *#some(id: string | undefined): IterableIterator<BoardSession> {
    if (id === undefined) yield* this.#indexes.waking;
    const session = id === undefined ? undefined : this.#sessions.get(id);
    if (session) yield session;
  }

  /** Attempts of one session that are held (assigned and running) and running, of one orchestrator on one node. */
  load(session: string, orchestrator: string, node: NodeId): Load {
    return this.#indexes.holders.load(session, orchestrator, node);
  }

  /** Counts per state, kept up to date, so this costs nothing. */
  summary(session: string): SessionSummary | undefined {
    const found = this.#sessions.get(session);
    return found && { ...found.counts, total: found.tasks.size };
  }

  /** The latest steps of the session's tasks, oldest first, at most `journalLimit` of them. */
  journal(session: string): Journal | undefined {
    return this.#sessions.get(session)?.journal;
  }

  /** The wave that may run; in eager mode the number of levels, since all may. */
  openLevel(session: string): number | undefined {
    return this.#sessions.get(session)?.level;
  }
}

function opened(session: BoardSession, created: boolean): SessionOpened {
  return { session: session.id, created, tasks: session.tasks.size, levels: session.checked.levelCount };
}
