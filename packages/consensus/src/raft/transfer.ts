import { type NodeId, TuttiError } from '@tutti/kernel';
import type { TimeoutNow } from './messages.ts';
import type { RaftState } from './raft-state.ts';

/** A leader's attempt to have another node elected in its place (Raft thesis 3.10). */
export interface Transfer {
  readonly target: NodeId;
  /** Ticks since it began; it is given up after one election timeout. */
  ticks: number;
}

/** Why a transfer ended before its time, with this node leading on. */
export interface TransferLoss {
  readonly target: NodeId;
  /** As it follows the target's name. */
  readonly why: string;
}

/**
 * Begins to hand leadership to `target`, or to the voter that is furthest when none is named. Nothing is proposed
 * until it ends. The target is told to campaign once it has everything that this node has.
 * @throws TuttiError `TUTTI_NOT_LEADER`, `TUTTI_LEADERSHIP_MOVING`, `TUTTI_TRANSFER_UNKNOWN`,
 * `TUTTI_TRANSFER_NOT_VOTER`, `TUTTI_TRANSFER_NEEDLESS`
 */
export function beginTransfer(state: RaftState, target: NodeId | undefined): NodeId {
  if (state.role !== 'leader') throw notLeader(state);
  if (state.transfer) throw new TuttiError('TUTTI_LEADERSHIP_MOVING', { target: state.transfer.target });
  const chosen = target ?? furthestVoter(state);
  if (chosen === undefined) throw new TuttiError('TUTTI_TRANSFER_UNKNOWN', { target: 'another node' });
  if (chosen === state.id) throw new TuttiError('TUTTI_TRANSFER_NEEDLESS', { target: chosen });
  if (!state.electorate.isMember(chosen)) throw new TuttiError('TUTTI_TRANSFER_UNKNOWN', { target: chosen });
  if (!votesAfterwards(state, chosen)) throw new TuttiError('TUTTI_TRANSFER_NOT_VOTER', { target: chosen });
  state.transfer = { target: chosen, ticks: 0 };
  state.transferLoss = undefined;
  state.lease.forfeit();
  // What the target still lacks goes out at once, and what was lost on the way to it is missed at once.
  state.replication!.peer(chosen)!.verify();
  state.replicationDue = true;
  tellTarget(state);
  return chosen;
}

/** Why a call that only a leader can serve is refused here, and who serves it. */
export function notLeader({ id, leader }: Pick<RaftState, 'id' | 'leader'>): TuttiError {
  const known = leader === undefined ? 'no leader is known' : `the leader is ${leader}`;
  return new TuttiError('TUTTI_NOT_LEADER', { nodeId: id, known, leader: leader ?? null });
}

/** The voter that is best placed to lead next: one that was heard of lately before one that was not. */
export function furthestVoter(state: RaftState): NodeId | undefined {
  const voters = [...(state.replication?.peers ?? [])].filter(({ peer }) => votesAfterwards(state, peer));
  const [best] = voters.toSorted((x, y) => Number(y.isAlive) - Number(x.isAlive) || y.match - x.match);
  return best?.peer;
}

/** Whether this node is a voter, and is not about to lose its vote by the change that is under way. */
function votesAfterwards({ electorate }: RaftState, node: NodeId): boolean {
  return electorate.membership.voters.includes(node);
}

/** A configuration was appended: a target that has no vote in it would never be elected, and is not waited for. */
export function dropVotelessTransfer(state: RaftState): void {
  const { transfer } = state;
  if (transfer && !votesAfterwards(state, transfer.target))
    endTransfer(state, transfer, 'has lost its vote by a change of the membership');
}

/** There is no link to `peer`: it would not hear the word to campaign, nor anybody of its election. */
export function dropUnreachableTransfer(state: RaftState, peer: NodeId): void {
  const { transfer } = state;
  if (transfer?.target === peer) endTransfer(state, transfer, 'cannot be reached');
}

/** This node leads on. Should the target have been told already, it may still campaign, as any voter may. */
function endTransfer(state: RaftState, { target }: Transfer, why: string): void {
  state.transfer = undefined;
  state.transferLoss = { target, why };
}

/** Tells the target to campaign now, if it lacks nothing. A lost word is said again with each heartbeat. */
export function tellTarget(state: RaftState): void {
  const { transfer, replication } = state;
  if (!transfer || replication?.peer(transfer.target)?.match !== state.log.lastIndex) return;
  state.messages.push({ type: 'timeoutNow', from: state.id, to: transfer.target, term: state.term });
}

/** Gives a transfer up after one election timeout (3.10): this node leads, so it goes on. */
export function tickTransfer(state: RaftState): void {
  const { transfer } = state;
  if (!transfer) return;
  if (++transfer.ticks >= state.config.electionTimeoutTicks) state.transfer = undefined;
  else tellTarget(state);
}

/** Whether a leader's word to campaign is for this node to follow. */
export function mayTakeOver(state: RaftState, message: TimeoutNow): boolean {
  const able = state.mayLead && state.electorate.isVoter(state.id) && !state.installing;
  return able && message.from === state.leader;
}
