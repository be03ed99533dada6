import { logIndex, type NodeId } from '@tutti/kernel';
import type { RaftState } from './raft-state.ts';

/** A leader's sign of life to everyone, which also asks for the confirmation of the newest read round. */
export function broadcastHeartbeat(state: RaftState): void {
  state.heartbeatElapsedTicks = 0;
  if (state.lease.enabled) state.rounds.openForLease(state.lease.now());
  for (const progress of state.replication!.peers) {
    state.messages.push({
      type: 'heartbeat',
      from: state.id,
      to: progress.peer,
      term: state.term,
      // A peer knows no more than what it has acknowledged to be the same as here.
      commitIndex: logIndex(Math.min(progress.match, state.commitIndex)),
      readRound: state.rounds.last,
    });
  }
}

export function replyHeartbeat(state: RaftState, to: NodeId, readRound: number): void {
  const { lastIndex } = state.log;
  state.messages.push({
    type: 'heartbeatReply',
    from: state.id,
    to,
    term: state.term,
    readRound,
    lastIndex,
    silentMs: Math.floor(state.config.leaseMs),
  });
}
