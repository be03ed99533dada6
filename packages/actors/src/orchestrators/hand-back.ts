import type { Logger } from '@tutti/kernel';
import type { Members, ReplicatedHandle } from '@tutti/runtime';
import type { Holder, ReturnTask } from '../coordination/board/commands.ts';
import type { TaskBoard } from '../coordination/board/task-board.ts';

/** What {@link handBackWhenLeaving} works with. */
export interface HandBackTools {
  readonly board: ReplicatedHandle<TaskBoard>;
  readonly members: Members;
  readonly holder: Holder;
  readonly logger: Logger;
}

/**
 * For a node that has stopped its work: as soon as the members know that it leaves, and so give it nothing more, what
 * it still holds is given back without using up a try. Best effort: what is missed is found when the node has left.
 */
export function handBackWhenLeaving(tools: HandBackTools): () => void {
  const { board, members, holder } = tools;
  const look = () => {
    const self = members.get(holder.node);
    if (self?.incarnation !== holder.incarnation || self.state !== 'leaving') return false;
    for (const { session, record, attempt } of board.module.heldBy(holder.node, holder.incarnation))
      void handBack(tools, {
        type: 'task.return',
        session,
        task: record.plan.id,
        fence: attempt.fence,
        reason: `${holder.node} is leaving`,
      });
    return true;
  };
  if (look()) return () => {};
  const unwatch = members.onChange(() => {
    if (look()) unwatch();
  });
  return unwatch;
}

async function handBack({ board, logger }: HandBackTools, command: ReturnTask): Promise<void> {
  try {
    await board.propose(command, { timeoutMs: 1_000 });
  } catch (error) {
    logger.debug({ error, task: command.task }, 'an attempt could not be handed back before this node left');
  }
}
