import { assert, logIndex, type NodeId, type Term } from '@tutti/kernel';
import { Lease } from './lease.ts';
import type { ActiveRole, RaftState } from './raft-state.ts';
import { loseReads } from './read-index.ts';

/**
 * Every legal change of role (Raft paper, figure 4, with the pre-vote of thesis 9.6). Beginning a role anew counts:
 * a follower of another leader or term, a candidate whose time ran out. Nobody leads without having been a
 * candidate, and a leader only ever steps down.
 */
const SUCCESSORS: Readonly<Record<ActiveRole, readonly ActiveRole[]>> = {
  follower: ['follower', 'pre-candidate', 'candidate'],
  'pre-candidate': ['pre-candidate', 'candidate', 'follower'],
  candidate: ['candidate', 'pre-candidate', 'leader', 'follower'],
  leader: ['follower'],
};

/**
 * The one place where a role changes. What belongs to the role and term that end is dropped; reads under way are
 * lost, since who leads next is not known.
 */
export function enterRole(state: RaftState, role: ActiveRole, leader: NodeId | undefined): void {
  assert(SUCCESSORS[state.role].includes(role), 'roles change as figure 4 allows');
  state.campaign = undefined;
  state.verifiedIndex = state.commitIndex;
  state.ackDue = false;
  state.ackedIndex = logIndex(0);
  state.ackedSinceHeartbeat = false;
  loseReads(state);
  state.replication = undefined;
  state.transfer = undefined;
  state.transferLoss = undefined;
  state.staged = undefined;
  state.droppedChange = undefined;
  state.lease = new Lease(state.config.leaseMs, state.now);
  state.role = role;
  state.leader = leader;
}

/** Follows in `term`. The vote is forgotten only when the term changes, never by stepping down within it. */
export function becomeFollower(state: RaftState, term: Term, leader: NodeId | undefined): void {
  assert(term >= state.term, 'a term never falls');
  if (term > state.term) {
    state.term = term;
    state.votedFor = undefined;
    state.hardStateDirty = true;
  }
  enterRole(state, 'follower', leader);
  drawElectionTimeout(state);
}

/** Begins a new wait for a leader, of a length that others are unlikely to draw as well (5.2). */
export function drawElectionTimeout(state: RaftState): void {
  const { electionTimeoutTicks, electionPriority } = state.config;
  state.electionElapsedTicks = 0;
  state.electionTimeoutTicks =
    (state.yields ? electionPriority * electionTimeoutTicks : 0) +
    state.random.integer(electionTimeoutTicks, 2 * electionTimeoutTicks - 1);
}
