import type { Member } from '@tutti/runtime';
import type { DegradeTask, Holder, LoseHolder, RecoveryMove } from '../board/commands.ts';
import type { HeldAttempt } from '../board/holders.ts';
import type { TaskBoard } from '../board/task-board.ts';

/**
 * What to do about a holder that is gone: its attempts go back to ready, with the move that fits what is left. When
 * nothing is left to run on, the optional tasks among them are given up.
 */
export function recoverHolder(
  board: TaskBoard,
  members: readonly Member[],
  holder: Holder,
): (LoseHolder | DegradeTask)[] {
  const held = board.heldBy(holder.node, holder.incarnation);
  const up = members.filter((member) => member.state === 'up');
  const recovery = chooseMove(board, up, held);
  const commands: (LoseHolder | DegradeTask)[] = [{ type: 'holder.lost', holder, recovery }];
  if (recovery === 'degrade')
    for (const { session, record } of held)
      if (record.plan.optional)
        commands.push({
          type: 'task.degrade',
          session,
          task: record.plan.id,
          reason: `${holder.node} is gone, and no node has room for what it held`,
        });
  return commands;
}

/** `failover`: one node has room for all of it. `redistribute`: several together. `degrade`: no node is up. */
function chooseMove(board: TaskBoard, up: readonly Member[], held: readonly HeldAttempt[]): RecoveryMove {
  if (up.length === 0) return 'degrade';
  const takesAll = up.some((member) => held.every((item) => hasRoom(board, member, item, held)));
  return takesAll ? 'failover' : 'redistribute';
}

function hasRoom(board: TaskBoard, member: Member, item: HeldAttempt, held: readonly HeldAttempt[]): boolean {
  const { orchestrator } = item.record.plan;
  const plan = board.session(item.session)?.plan;
  const limit = plan?.orchestrators.find(({ id }) => id === orchestrator)?.maxConcurrentTasks ?? 1;
  const moved = held.filter((other) => other.record.plan.orchestrator === orchestrator).length;
  return board.load(item.session, orchestrator, member.nodeId).held + moved <= limit;
}
