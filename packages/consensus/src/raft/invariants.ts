import { assert } from '@tutti/kernel';
import type { RaftState } from './raft-state.ts';
import { mayCampaign } from './reconfiguring.ts';

/** Checks a core against itself; cheap enough to run in production, before every Ready. */
export function validate(state: RaftState): void {
  const { log, role, replication } = state;
  assert(state.appliedIndex <= state.handedIndex, 'only what was handed out is applied');
  assert(state.handedIndex <= state.commitIndex, 'only what is committed is handed out');
  assert(state.commitIndex <= log.lastIndex, 'what is committed is in the log');
  assert(log.durableIndex <= log.lastIndex, 'what is durable is in the log');
  assert(log.lastTerm <= state.term, 'no entry is of a later term than this node');
  // While a snapshot replaces the log, the store may hold the new one already.
  assert(
    state.installing !== undefined || log.firstIndex <= state.handedIndex + 1,
    'nothing is compacted before it was handed out',
  );
  assert((role === 'leader') === (replication !== undefined), 'leaders replicate, and nobody else');
  assert(role !== 'leader' || state.leader === state.id, 'a leader knows itself as leader');
  assert(role === 'leader' || state.leader !== state.id, 'only a leader takes itself for the leader');
  assert(role !== 'candidate' || state.votedFor === state.id, 'a candidate votes for itself');
  assert(role !== 'leader' || state.votedFor === state.id, 'a leader voted for itself in its term');
  assert(role === 'follower' || role === 'leader' || mayCampaign(state), 'only voters campaign');
  if (!replication) return;
  for (const progress of replication.peers) {
    assert(progress.match < progress.next, 'what is sent next comes after what matches');
    assert(progress.match <= log.lastIndex, 'no peer matches beyond the end of the log');
  }
}
