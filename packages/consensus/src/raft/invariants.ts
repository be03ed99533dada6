import { assert, type LogIndex, type NodeId, type Term } from '@tutti/kernel';
import type { Electorate } from './electorate.ts';
import type { LogView } from './log-view.ts';
import type { RaftRole } from './raft-node-options.ts';
import type { Replication } from './replication.ts';

/** The parts of a core's state that must agree with each other. */
export interface RaftState {
  readonly id: NodeId;
  readonly role: RaftRole;
  readonly term: Term;
  readonly votedFor: NodeId | undefined;
  readonly leader: NodeId | undefined;
  readonly commitIndex: LogIndex;
  readonly handedIndex: LogIndex;
  readonly appliedIndex: LogIndex;
  readonly log: LogView;
  readonly electorate: Electorate;
  readonly replication: Replication | undefined;
  /** A snapshot is replacing the log: the store may hold the new one already. */
  readonly installing: boolean;
}

/** Checks a core against itself; cheap enough to run in production, before every Ready. */
export function validate(state: RaftState): void {
  const { log, role, replication } = state;
  assert(state.appliedIndex <= state.handedIndex, 'only what was handed out is applied');
  assert(state.handedIndex <= state.commitIndex, 'only what is committed is handed out');
  assert(state.commitIndex <= log.lastIndex, 'what is committed is in the log');
  assert(log.durableIndex <= log.lastIndex, 'what is durable is in the log');
  assert(log.lastTerm <= state.term, 'no entry is of a later term than this node');
  assert(
    state.installing || log.firstIndex <= state.handedIndex + 1,
    'nothing is compacted before it was handed out',
  );
  assert((role === 'leader') === (replication !== undefined), 'leaders replicate, and nobody else');
  assert(role !== 'leader' || state.leader === state.id, 'a leader knows itself as leader');
  assert(role === 'leader' || state.leader !== state.id, 'only a leader takes itself for the leader');
  assert(role !== 'candidate' || state.votedFor === state.id, 'a candidate votes for itself');
  assert(role !== 'leader' || state.votedFor === state.id, 'a leader voted for itself in its term');
  assert(
    role === 'follower' || role === 'learner' || state.electorate.isVoter(state.id),
    'only voters campaign and lead',
  );
  if (!replication) return;
  for (const progress of replication.peers) {
    assert(progress.match < progress.next, 'what is sent next comes after what matches');
    assert(progress.match <= log.lastIndex, 'no peer matches beyond the end of the log');
  }
}
