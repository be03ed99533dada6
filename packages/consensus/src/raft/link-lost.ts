import type { NodeId } from '@tutti/kernel';
import type { RaftState } from './raft-state.ts';

/** Those who lose the same leader at one time campaign within so many ticks, rarely two of them in the same. */
const SPREAD_TICKS = 4;

/**
 * The link to `peer` has gone down. If it leads here, most likely its process is dead, since a stalled or cut-off one
 * keeps its connections: this node neither protects it any longer nor waits a whole election timeout. It is a hint and
 * may be wrong; that is harmless as pre-vote asks the others first (Raft thesis 9.6), who still hear the leader then,
 * and with check-quorum do not answer. Without either of the two nothing happens.
 *
 * With leases it waits out the election timeout since it heard the leader all the same, and only no longer. The leader may
 * rest on its silence alone, where the other voters have heard nothing for long: none of them would turn it down.
 */
export function leaderLinkLost(state: RaftState, peer: NodeId): void {
  const { preVote, checkQuorum, electionTimeoutTicks, electionPriority } = state.config;
  if (!preVote || !checkQuorum || state.role !== 'follower' || state.leader !== peer) return;
  const yielding = state.yields ? electionPriority * electionTimeoutTicks : 0;
  const spread = state.random.integer(0, Math.min(SPREAD_TICKS, electionTimeoutTicks) - 1);
  if (!state.lease.enabled)
    state.electionElapsedTicks = Math.max(state.electionElapsedTicks, electionTimeoutTicks);
  state.electionTimeoutTicks = Math.min(state.electionTimeoutTicks, electionTimeoutTicks + yielding + spread);
}
