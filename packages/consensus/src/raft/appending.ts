import { type LogIndex, logIndex } from '@tutti/kernel';
import { broadcastHeartbeat } from './heartbeats.ts';
import { encodeMembership } from './membership-codec.ts';
import type { EntryKind, Membership } from './messages.ts';
import type { RaftState } from './raft-state.ts';
import { dropVotelessTransfer } from './transfer.ts';

/** Puts an entry of this term at the end of the leader's own log; it goes out with the next Ready. */
export function append(state: RaftState, kind: EntryKind, data: Uint8Array): LogIndex {
  const index = logIndex(state.log.lastIndex + 1);
  state.log.append({ index, term: state.term, kind, data });
  state.uncommittedBytes += data.length;
  state.replicationDue = true;
  return index;
}

/** An entry that says nothing, where a leader's log ends just before `index`; not while it hands over (thesis 3.10). */
export function appendFence(state: RaftState, index: LogIndex): void {
  if (state.role !== 'leader' || state.transfer || state.log.lastIndex + 1 !== index) return;
  append(state, 'noop', new Uint8Array(0));
}

/** Appends a configuration, which is in force from here on (paper 6), so that entries go to its new members too. */
export function appendMembership(state: RaftState, membership: Membership): void {
  const index = append(state, 'membership', encodeMembership(membership));
  state.replication!.follow(state.electorate, index);
  dropVotelessTransfer(state);
  // It rests on the promises of voters, and they are others now.
  state.lease.drop();
  broadcastHeartbeat(state);
}
