import type { Blocker } from '../board/explain.ts';
import type { TaskBoard } from '../board/task-board.ts';

/** Bounds beside the plan's own limit for each orchestrator on each node. Whole numbers from 1; default no bound. */
export interface DispatchLimits {
  /** Attempts held at once in the whole cluster. */
  readonly tasksMax?: number;
  /** Attempts held at once on one node. */
  readonly tasksPerNodeMax?: number;
}

/** Which of these bounds keeps a ready task waiting, for `explain`. */
export function limitBlockers(
  board: TaskBoard,
  session: string,
  task: string,
  { tasksMax = Infinity, tasksPerNodeMax = Infinity }: DispatchLimits = {},
): Blocker[] {
  if (board.session(session)?.tasks.get(task)?.state !== 'ready') return [];
  const busy = board.holders().map(({ node, incarnation }) => board.heldCount(node, incarnation));
  const total = busy.reduce((sum, count) => sum + count, 0);
  if (total >= tasksMax) {
    const text = `the cluster is at its limit of ${tasksMax} tasks at once`;
    return [{ kind: 'limit', text, ref: 'cluster' }];
  }
  if (busy.length === 0 || busy.some((count) => count < tasksPerNodeMax)) return [];
  const text = `every node that works is at its limit of ${tasksPerNodeMax} tasks at once`;
  return [{ kind: 'limit', text, ref: 'cluster' }];
}
