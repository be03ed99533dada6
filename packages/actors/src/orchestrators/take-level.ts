import type { Member } from '@tutti/runtime';
import type { Holder } from '../coordination/board/commands.ts';
import type { TaskBoard } from '../coordination/board/task-board.ts';
import type { Delegation } from '../coordination/delegation/delegation.ts';

/**
 * Up to how many tasks an orchestrator should hold when these attempts of its own have ended, or undefined where it
 * should take none: no more than it has now, and at most one more than the least busy of the others, so that work that
 * keeps following itself does not stay where there is already most of it.
 */
export function takeLevel(
  board: TaskBoard,
  members: readonly Member[],
  { node, incarnation }: Holder,
  orchestrator: string,
  ending: readonly Delegation[],
): number | undefined {
  if (ending.length === 0 || !mayHaveNext(board, orchestrator, ending)) return undefined;
  const { held } = board.laneLoad(orchestrator, node);
  let isUp = false;
  let upTo = held;
  for (const member of members) {
    if (member.state !== 'up') continue;
    if (member.nodeId === node) isUp = member.incarnation === incarnation;
    else upTo = Math.min(upTo, board.laneLoad(orchestrator, member.nodeId).held + 1);
  }
  return isUp && upTo > held - ending.length ? upTo : undefined;
}

/** Somebody waits for this orchestrator, or may when these have ended. */
function mayHaveNext(board: TaskBoard, orchestrator: string, ending: readonly Delegation[]): boolean {
  return (
    board.isWaitedFor(orchestrator) ||
    ending.some(({ offer: { session, task } }) => board.hasDependants(session, task))
  );
}
