import type { Member } from '@tutti/runtime';
import { chooseRecovery, type Peer, type Recovery } from '../../resilience/recovery.ts';
import type { DegradeTask, Holder, LoseHolder } from '../board/commands.ts';
import type { HeldAttempt } from '../board/holders.ts';
import type { TaskBoard } from '../board/task-board.ts';

/** A recovery as the commands that carry it out. */
export interface HolderRecovery {
  readonly recovery: Recovery;
  readonly commands: readonly (LoseHolder | DegradeTask)[];
}

/**
 * What to do about a holder that is gone: all it held goes back to ready in one entry of the log, with the move that
 * fits what is left of the cluster; what nobody can run any more and is optional is given up.
 */
export function recoverHolder(board: TaskBoard, members: readonly Member[], holder: Holder): HolderRecovery {
  const held = board.heldBy(holder.node, holder.incarnation);
  const recovery = chooseRecovery({
    failed: 'node',
    who: holder.node,
    held: held.map(({ session, record: { plan } }) => ({
      session,
      task: plan.id,
      orchestrator: plan.orchestrator,
      optional: plan.optional,
    })),
    peers: members.filter(({ state }) => state === 'up').map((member) => peerOf(board, member, held)),
  });
  const giveUp = recovery.giveUp.map(
    ({ session, task }): DegradeTask => ({ type: 'task.degrade', session, task, reason: recovery.why }),
  );
  return { recovery, commands: [{ type: 'holder.lost', holder, recovery: recovery.move }, ...giveUp] };
}

/** Every node has every orchestrator; what differs is how many more tasks each could take. */
function peerOf(board: TaskBoard, member: Member, held: readonly HeldAttempt[]): Peer {
  const free: Record<string, number> = {};
  for (const { session, record } of held) {
    const { orchestrator } = record.plan;
    const limit = board.session(session)?.limitOf(orchestrator) ?? 0;
    const used = board.heldByOrchestrator(member.nodeId, member.incarnation, orchestrator).size;
    free[orchestrator] = Math.max(0, limit - used);
  }
  return { node: member.nodeId, free };
}
