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
 * For a node that has stopped its work: from when the members know that it leaves until it has left, what it still
 * holds is given back without using up a try. All that time, since what it had asked for before may be given to it
 * after that in the log. Best effort: what is missed is found when the node has left. Returns what ends it before.
 */
export function handBackWhenLeaving(tools: HandBackTools): () => void {
  const { board, members, holder } = tools;
  /** Fences whose hand-back is on its way. */
  const open = new Set<number>();
  /** Fences only grow: as long as the last one is this, nothing was given to anybody. */
  let lookedAt: number | undefined;
  const look = () => {
    const self = members.get(holder.node);
    if (!self || self.incarnation < holder.incarnation) return;
    if (self.incarnation > holder.incarnation || self.state === 'left' || self.state === 'lost') end();
    else if (self.state === 'leaving' && board.module.lastFence !== lookedAt) handBackAll();
  };
  const handBackAll = () => {
    lookedAt = board.module.lastFence;
    for (const { session, record, attempt } of board.module.heldBy(holder.node, holder.incarnation)) {
      const { fence } = attempt;
      if (open.has(fence)) continue;
      open.add(fence);
      const reason = `${holder.node} is leaving`;
      const command = { type: 'task.return', session, task: record.plan.id, fence, reason } as const;
      void handBack(tools, command).then((isBack) => {
        open.delete(fence);
        if (!isBack) lookedAt = undefined;
      });
    }
  };
  const unwatch = [members.onChange(look), board.watch({ applied: look, restored: look })];
  const end = () => {
    for (const stop of unwatch) stop();
  };
  look();
  return end;
}

/** Whether it was. */
async function handBack({ board, logger }: HandBackTools, command: ReturnTask): Promise<boolean> {
  try {
    await board.propose(command, { timeoutMs: 1_000 });
    return true;
  } catch (error) {
    logger.debug({ error, task: command.task }, 'an attempt could not be handed back before this node left');
    return false;
  }
}
