import { type Incarnation, messageOf, type NodeId, TuttiError, type WireValue } from '@tutti/kernel';
import type { ExecutionMode, PlanBarrier, PlanOrchestrator, PlanTask } from '../../engines/workflow/plan.ts';
import type { Conflict } from '../conflict/conflict.ts';
import type { AddedRest } from './added-tasks.ts';
import type { BoardSession } from './session.ts';
import type { SessionHeader } from './session-header.ts';
import { type Item, packParts, unpackParts } from './snapshot-parts.ts';
import {
  type Attempt,
  type BarrierRecord,
  type Intake,
  isTerminal,
  type RecoveryRecord,
  type SessionState,
  type TaskEvent,
  type TaskRecord,
} from './state.ts';
import { tasksDigest } from './submissions.ts';

/**
 * Grows when the parts change their meaning. A snapshot without anything that tells the two apart is written in the
 * older one, which a node of the version before reads, too; a version that is not among these is refused.
 */
const VERSIONS = { plain: 2, added: 3 } as const;

/** Everything a board holds. */
export interface BoardImage {
  readonly lastFence: number;
  readonly lostLives: readonly (readonly [NodeId, Incarnation])[];
  readonly finished: readonly string[];
  /** For each orchestrator the sessions that have tasks ready, in the order of their turns. */
  readonly turns: readonly (readonly [string, readonly string[]])[];
  readonly sessions: readonly BoardSession[];
}

interface HeadRow {
  readonly version: number;
  readonly lastFence: number;
  readonly lostLives: readonly (readonly [NodeId, Incarnation])[];
  readonly finished: readonly string[];
  readonly turns: readonly (readonly [string, readonly string[]])[];
}

interface SessionRow {
  readonly id: string;
  readonly name: string;
  readonly mode: ExecutionMode;
  readonly folder: string;
  readonly openedAt: number;
  readonly state: SessionState;
  readonly endedAt: number | null;
  readonly problem: { readonly code: string; readonly message: string } | null;
  readonly staleResults: number;
  readonly journalDropped: number;
  /** Absent for a session that was opened to end by itself, and to which nothing was added. */
  readonly intake?: Intake;
  readonly staysOpen?: boolean;
  readonly added?: AddedRest;
}

type AddedRow = readonly [index: number, level: number, plan: PlanTask];

/** A task's place in the plan, and the rest of its record; only of tasks that have left their first state. */
type TaskRow = readonly [
  index: number,
  rest: Nullable<Omit<TaskRecord, 'plan' | 'index' | 'level' | 'attempts'>>,
  AttemptRow[],
];
type AttemptRow = Nullable<Attempt>;
type EventRow = Nullable<TaskEvent>;

interface BarrierRow {
  readonly id: string;
  readonly state: BarrierRecord['state'];
  readonly arrivals: readonly (readonly [string, number])[];
  readonly releasedAt: number | null;
  readonly conflicts: readonly Conflict[];
}

/** The wire has no `undefined` that every codec keeps, so it is written as null. */
type Nullable<T> = { readonly [Key in keyof T]: undefined extends T[Key] ? T[Key] | null : T[Key] };

export function writeBoard(image: BoardImage): IterableIterator<WireValue> {
  const { lastFence, lostLives, finished, turns } = image;
  const isPlain = image.sessions.every(({ intake, added }) => intake === 'while-running' && !added.isUsed);
  const version = isPlain ? VERSIONS.plain : VERSIONS.added;
  const head: HeadRow = { version, lastFence, lostLives, finished, turns };
  const sessions = image.sessions.map(captureSession);
  return packParts(itemsOf(head, sessions));
}

function* itemsOf(head: HeadRow, sessions: readonly (() => Iterable<Item>)[]): IterableIterator<Item> {
  yield ['board', head];
  for (const items of sessions) yield* items();
  yield ['end', sessions.length];
}

/**
 * What can still change is copied now. A session that is over counts the results that come too late and changes in
 * nothing else: all but its row is read when its turn comes.
 */
function captureSession(session: BoardSession): () => Iterable<Item> {
  const row = sessionRow(session);
  if (session.state !== 'running') return () => sessionItems(session, captureChanging(session, row));
  const changing = captureChanging(session, row);
  return () => sessionItems(session, changing);
}

function* sessionItems(session: BoardSession, changing: () => Iterable<Item>): IterableIterator<Item> {
  for (const orchestrator of session.plan.orchestrators) yield ['orchestrator', orchestrator];
  for (const task of session.plan.tasks) yield ['task', task];
  for (const barrier of session.plan.barriers) yield ['barrier', barrier];
  yield* changing();
}

/** As it is now, to be written later. A task that is over changes no more and is not copied: most of many are. */
function captureChanging(session: BoardSession, row: SessionRow): () => Iterable<Item> {
  const added = new Map(Array.from(session.added.records(), (record) => [record.index, record]));
  const submissions = [...session.added.submissions];
  const settled = session.added.settledIndexes();
  const begun = [...session.tasks.values()].filter(({ state }) => state !== 'waiting');
  const tasks = begun.map((record) => (isTerminal(record.state) ? record : taskRow(record)));
  const meetings = [...session.barriers.values()].flatMap(barrierRow);
  const journal = session.journal.copy((index) => (session.plan.tasks[index] ?? added.get(index)!.plan).id);
  const recoveries = [...session.recoveries];
  return function* items() {
    for (const { index, level, plan } of added.values())
      yield ['added', [index, level, plan] satisfies AddedRow];
    for (const [id, known] of submissions) yield ['submission', [id, tasksDigest(known)]];
    for (const index of settled) yield ['settled', index];
    for (const task of tasks) yield ['row', 'plan' in task ? taskRow(task) : task];
    for (const meeting of meetings) yield ['meeting', meeting];
    for (const event of journal) yield ['event', { ...event, node: event.node ?? null } satisfies EventRow];
    for (const recovery of recoveries) yield ['recovery', recovery];
    yield ['session', row];
  };
}

/** Of a barrier that somebody has reached. */
function barrierRow({ id, state, arrivals, releasedAt, conflicts }: BarrierRecord): BarrierRow[] {
  if (state === 'filling' && arrivals.size === 0) return [];
  return [{ id, state, arrivals: [...arrivals], releasedAt: releasedAt ?? null, conflicts }];
}

function sessionRow(session: BoardSession): SessionRow {
  const { id, mode, folder, openedAt, state, staleResults, intake, staysOpen, added } = session;
  return {
    id,
    name: session.plan.name,
    mode,
    folder,
    openedAt,
    state,
    endedAt: session.endedAt ?? null,
    problem: session.problem ?? null,
    staleResults,
    journalDropped: session.journal.dropped,
    ...(intake === 'while-running' && !added.isUsed ? {} : { intake, staysOpen, added: added.rest }),
  };
}

function taskRow(record: TaskRecord): TaskRow {
  const { index, state, attemptCount, failures, output, completions } = record;
  const rest = {
    state,
    attemptCount,
    failures,
    output: output ?? null,
    readyAt: record.readyAt ?? null,
    retryAt: record.retryAt ?? null,
    completions,
    reason: record.reason ?? null,
  };
  const attempts = record.attempts.map((attempt) => ({
    ...attempt,
    startedAt: attempt.startedAt ?? null,
    endedAt: attempt.endedAt ?? null,
    outcome: attempt.outcome ?? null,
    problem: attempt.problem ?? null,
  }));
  return [index, rest, attempts];
}

/** Gathers a session's items until its last one, the `session` row, says that it is complete. */
class SessionReader {
  #orchestrators: PlanOrchestrator[] = [];
  #tasks: PlanTask[] = [];
  #barriers: PlanBarrier[] = [];
  #rows: TaskRow[] = [];
  #meetings: BarrierRow[] = [];
  #events: TaskEvent[] = [];
  #recoveries: RecoveryRecord[] = [];
  #added: AddedRow[] = [];
  #submissions: (readonly [id: string, digest: string])[] = [];
  #settled: number[] = [];

  take([kind, value]: Item): void {
    if (kind === 'orchestrator') this.#orchestrators.push(value as PlanOrchestrator);
    else if (kind === 'task') this.#tasks.push(value as PlanTask);
    else if (kind === 'barrier') this.#barriers.push(value as PlanBarrier);
    else if (kind === 'row') this.#rows.push(value as TaskRow);
    else if (kind === 'meeting') this.#meetings.push(value as BarrierRow);
    else if (kind === 'recovery') this.#recoveries.push(value as RecoveryRecord);
    else if (kind === 'event') this.#events.push(readEvent(value as EventRow));
    else if (kind === 'added') this.#added.push(value as AddedRow);
    else if (kind === 'submission') this.#submissions.push(value as [string, string]);
    else if (kind === 'settled') this.#settled.push(value as number);
    else throw invalid(`a part of the unknown kind ${kind}`);
  }

  finish(row: SessionRow, make: (header: SessionHeader) => BoardSession): BoardSession {
    const { id, name, mode, folder, openedAt } = row;
    const plan = { name, orchestrators: this.#orchestrators, tasks: this.#tasks, barriers: this.#barriers };
    const session = make({ id, plan, mode, folder, openedAt, staysOpen: row.staysOpen ?? false });
    session.intake = row.intake ?? 'while-running';
    if (row.added) session.added.restoreTasks(this.#added, row.added);
    for (const [id, digest] of this.#submissions) session.added.submissions.add(id, digest);
    session.state = row.state;
    session.endedAt = row.endedAt ?? undefined;
    session.problem = row.problem ?? undefined;
    session.staleResults = row.staleResults;
    for (const [index, rest, attempts] of this.#rows) readTask(session.recordAt(index), rest, attempts);
    for (const meeting of this.#meetings) readMeeting(session.barriers.get(meeting.id)!, meeting);
    session.recoveries.push(...this.#recoveries);
    session.journal.restore(this.#events, row.journalDropped, (id) => session.task(id).index);
    session.rebuild();
    session.added.rebuild(this.#settled);
    return session;
  }
}

/** @throws TuttiError `TUTTI_BOARD_SNAPSHOT_INVALID` */
export function readBoard(
  parts: Iterable<WireValue>,
  make: (header: SessionHeader) => BoardSession,
): BoardImage {
  try {
    return readItems(unpackParts(parts), make);
  } catch (thrown) {
    throw thrown instanceof TuttiError && thrown.code === 'TUTTI_BOARD_SNAPSHOT_INVALID'
      ? thrown
      : invalid(messageOf(thrown));
  }
}

function readItems(items: Iterable<Item>, make: (header: SessionHeader) => BoardSession): BoardImage {
  const sessions: BoardSession[] = [];
  let head: HeadRow | undefined;
  let reader = new SessionReader();
  let isWhole = false;
  for (const item of items) {
    const [kind, value] = item;
    if (kind === 'board') head = value as HeadRow;
    else if (kind === 'end') isWhole = value === sessions.length;
    else if (kind === 'session') {
      sessions.push(reader.finish(value as SessionRow, make));
      reader = new SessionReader();
    } else reader.take(item);
  }
  if (!head || !isWhole) throw invalid('parts are missing');
  const { plain, added } = VERSIONS;
  if (head.version !== plain && head.version !== added)
    throw invalid(`it has version ${head.version}, and this node reads ${plain} and ${added}`);
  return { ...head, sessions };
}

function readTask(record: TaskRecord, rest: TaskRow[1], attempts: readonly AttemptRow[]): void {
  record.state = rest.state;
  record.attemptCount = rest.attemptCount;
  record.failures = rest.failures;
  record.completions = rest.completions;
  // A task that is done has an output, null if it gave none; no other task has one.
  record.output = rest.state === 'done' ? rest.output : undefined;
  record.readyAt = rest.readyAt ?? undefined;
  record.retryAt = rest.retryAt ?? undefined;
  record.reason = rest.reason ?? undefined;
  for (const attempt of attempts)
    record.attempts.push({
      ...attempt,
      startedAt: attempt.startedAt ?? undefined,
      endedAt: attempt.endedAt ?? undefined,
      outcome: attempt.outcome ?? undefined,
      problem: attempt.problem ?? undefined,
    });
}

function readMeeting(record: BarrierRecord, row: BarrierRow): void {
  record.state = row.state;
  for (const [participant, at] of row.arrivals) record.arrivals.set(participant, at);
  record.releasedAt = row.releasedAt ?? undefined;
  record.conflicts = row.conflicts;
}

function readEvent(row: EventRow): TaskEvent {
  return { ...row, node: row.node ?? undefined };
}

function invalid(problem: string): TuttiError {
  return new TuttiError('TUTTI_BOARD_SNAPSHOT_INVALID', { problem });
}
