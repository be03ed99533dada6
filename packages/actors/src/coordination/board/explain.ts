import { type Incarnation, type NodeId, showDuration, TuttiError, unreachable } from '@tutti/kernel';
import { type BarrierRecord, isSettled, type SessionRecord, type TaskRecord } from './state.ts';
import type { TaskBoard } from './task-board.ts';
import { taskUnknown } from './task-unknown.ts';

/**
 * What keeps a task from running. `dependency`, `barrier` and `wave` hold it back in the plan; `backoff` in time;
 * `limit`, `no-node`, `no-leader` for want of hands; `queue` and `assigned-waiting` for a moment.
 */
export type BlockerKind =
  | 'dependency'
  | 'barrier'
  | 'wave'
  | 'limit'
  | 'backoff'
  | 'no-node'
  | 'no-leader'
  | 'queue'
  | 'assigned-waiting';

/** One reason why a task is not running. */
export interface Blocker {
  readonly kind: BlockerKind;
  /** For people: a sentence without its full stop. */
  readonly text: string;
  /** What to look at next: `task:ID`, `barrier:ID`, `level:N`, `orchestrator:ID`, `node:ID` or `cluster`. */
  readonly ref: string;
}

/** What the board does not know: who is there, and what time it is. */
export interface ExplainWorld {
  readonly hasLeader: boolean;
  /** Wall time in milliseconds since 1970, as the log stamps it. */
  readonly wallTimeMs: number;
  /** The nodes that are up. Without `orchestrators` a node has them all. */
  readonly nodes: readonly {
    readonly node: NodeId;
    readonly incarnation: Incarnation;
    readonly orchestrators?: readonly string[];
  }[];
}

/** Blockers told of one kind; where there are more, the last one says how many. */
const BLOCKERS_MAX = 20;

/**
 * Why a task is not running: its blockers, the most sweeping first. Never empty for a task that could still run;
 * empty for one that runs or is over.
 * @throws TuttiError `TUTTI_SESSION_UNKNOWN`, `TUTTI_TASK_UNKNOWN`
 */
export function explainTask(board: TaskBoard, session: string, task: string, world: ExplainWorld): Blocker[] {
  const found = board.session(session);
  if (!found) throw new TuttiError('TUTTI_SESSION_UNKNOWN', { session });
  const record = found.tasks.get(task);
  if (!record) throw taskUnknown(found, task);
  const specific = specificBlockers(board, found, record, world);
  if (world.hasLeader || specific.length === 0) return specific;
  const text = 'the cluster has no leader, so nothing can be assigned or recorded';
  return [{ kind: 'no-leader', text, ref: 'cluster' }, ...specific];
}

function specificBlockers(
  board: TaskBoard,
  session: SessionRecord,
  record: TaskRecord,
  world: ExplainWorld,
): Blocker[] {
  switch (record.state) {
    case 'waiting':
      return [
        ...dependencies(session, record),
        ...barriers(session, record),
        ...waves(session, record, board.openLevel(session.id) ?? 0),
      ];
    case 'ready':
      return [readyBlocker(board, session, record, world)];
    case 'assigned':
      return [assignedBlocker(board, session, record, world)];
    case 'backoff':
      return [backoffBlocker(record, world.wallTimeMs)];
    case 'running':
    case 'done':
    case 'failed':
    case 'cancelled':
    case 'degraded':
      return [];
    default:
      return unreachable(record.state);
  }
}

function dependencies(session: SessionRecord, record: TaskRecord): Blocker[] {
  const open = record.plan.needs
    .map((need) => session.tasks.get(need)!)
    .filter((need) => !isSettled(need.state));
  const told = open.slice(0, BLOCKERS_MAX).map((need): Blocker => {
    const { id } = need.plan;
    return {
      kind: 'dependency',
      text: `it needs "${id}", which is ${stateInWords(need)}`,
      ref: `task:${id}`,
    };
  });
  const more = open.length - told.length;
  if (more > 0)
    told.push({
      kind: 'dependency',
      text: `and ${more} more tasks that are not done`,
      ref: `task:${record.plan.id}`,
    });
  return told;
}

function barriers(session: SessionRecord, record: TaskRecord): Blocker[] {
  return session.plan.barriers
    .filter((barrier) => barrier.before.includes(record.plan.id))
    .map(({ id }) => session.barriers.get(id)!)
    .filter((barrier) => barrier.state !== 'released')
    .slice(0, BLOCKERS_MAX)
    .map((barrier) => ({ kind: 'barrier', text: barrierInWords(barrier), ref: `barrier:${barrier.id}` }));
}

function barrierInWords({ title, state, participants, arrivals, conflicts }: BarrierRecord): string {
  const missing = participants.filter((participant) => !arrivals.has(participant)).join(', ');
  if (state === 'full') return `the barrier "${title}" is full and being checked`;
  if (state === 'conflict') return `the barrier "${title}" is in conflict about ${conflicts[0]?.subject}`;
  return `the barrier "${title}" waits for ${missing}`;
}

function waves(session: SessionRecord, record: TaskRecord, open: number): Blocker[] {
  if (session.mode !== 'wave' || record.level <= open) return [];
  let left = 0;
  for (const task of session.tasks.values()) if (task.level === open && !isSettled(task.state)) left++;
  const text = `it is in wave ${record.level}, and wave ${open} has ${left} tasks to finish`;
  return [{ kind: 'wave', text, ref: `level:${open}` }];
}

function readyBlocker(
  board: TaskBoard,
  session: SessionRecord,
  { plan }: TaskRecord,
  { nodes }: ExplainWorld,
): Blocker {
  const { orchestrator } = plan;
  const hosts = nodes.filter((node) => node.orchestrators?.includes(orchestrator) ?? true);
  if (hosts.length === 0) {
    const why = nodes.length === 0 ? 'no node is up' : `none of the ${nodes.length} nodes that are up`;
    return { kind: 'no-node', text: `${why} to run ${orchestrator} on`, ref: `orchestrator:${orchestrator}` };
  }
  const limit = session.limitOf(orchestrator);
  // What other sessions have there counts as well: the places are the node's.
  if (hosts.every(({ node }) => board.laneLoad(orchestrator, node).held >= limit)) {
    const text = `${orchestrator} has its limit of ${limit} tasks on each of ${hosts.map(({ node }) => node).join(', ')}`;
    return { kind: 'limit', text, ref: `orchestrator:${orchestrator}` };
  }
  let ahead = 0;
  for (const other of board.readyTasks(session.id, orchestrator)) {
    if (other.plan.id === plan.id) break;
    ahead++;
  }
  const text = `it is ready; ${ahead} tasks of ${orchestrator} are to be assigned before it`;
  return { kind: 'queue', text, ref: `orchestrator:${orchestrator}` };
}

function assignedBlocker(
  board: TaskBoard,
  session: SessionRecord,
  { plan, attempts }: TaskRecord,
  { nodes }: ExplainWorld,
): Blocker {
  const { node, incarnation } = attempts.at(-1)!;
  const { orchestrator } = plan;
  if (!nodes.some((item) => item.node === node && item.incarnation === incarnation))
    return {
      kind: 'no-node',
      text: `it was given to ${node}, which is gone; it will be given to another`,
      ref: `node:${node}`,
    };
  const limit = session.limitOf(orchestrator);
  if (board.laneLoad(orchestrator, node).running >= limit) {
    const text = `it was given to ${orchestrator} on ${node}, which runs its limit of ${limit} tasks`;
    return { kind: 'limit', text, ref: `orchestrator:${orchestrator}` };
  }
  const text = `it was given to ${orchestrator} on ${node}, which has not begun it yet`;
  return { kind: 'assigned-waiting', text, ref: `node:${node}` };
}

function backoffBlocker({ plan, attempts, retryAt }: TaskRecord, wallTimeMs: number): Blocker {
  const last = attempts.at(-1);
  const leftMs = Math.max(0, (retryAt ?? wallTimeMs) - wallTimeMs);
  const text = `attempt ${last?.number} failed (${last?.problem?.message}); it is tried again in ${showDuration(leftMs)}`;
  return { kind: 'backoff', text, ref: `task:${plan.id}` };
}

function stateInWords({ state, attempts }: TaskRecord): string {
  const attempt = attempts.at(-1);
  return state === 'running' && attempt ? `running on ${attempt.node} (attempt ${attempt.number})` : state;
}
