import { type NodeId, TuttiError } from '@tutti/kernel';
import { appendMembership } from './appending.ts';
import {
  checked,
  firstStep,
  isSameGroup,
  lastStep,
  type MembershipChange,
  promoted,
  targetOf,
} from './membership-change.ts';
import type { Membership } from './messages.ts';
import type { RaftState } from './raft-state.ts';
import { becomeFollower } from './roles.ts';
import { furthestVoter } from './transfer.ts';

/** A change that waits, at the leader it was given to, until its new voters have caught up as learners. */
export interface StagedChange {
  readonly id: string;
  readonly change: MembershipChange;
  /** When it is given up, by `ticks`. */
  readonly until: number;
  /** Of those it waited for when it began, the first. */
  readonly behind: NodeId;
}

/** A staged change that was given up: its learners stay, and it does not come back under this leader. */
export interface DroppedChange {
  readonly id: string;
  /** Who had not caught up. */
  readonly behind: NodeId;
}

/**
 * What became of a request: carried out and committed; begun, and to be watched in the log; to be asked again, since
 * this leader has not committed in its term yet (the rule of Ongaro's correction to thesis 4.1: before that it does
 * not know whether its predecessor's change stands), or not seen yet how fast a learner is that its predecessor had.
 */
export type ChangeOutcome = 'done' | 'begun' | 'later';

/**
 * Begins a change as leader. One is under way until its last configuration is committed, and no other begins before.
 * @throws TuttiError `TUTTI_MEMBERSHIP_CHANGING`, `TUTTI_MEMBER_BEHIND`, and as {@link targetOf}
 */
export function changeMembership(
  state: RaftState,
  id: string,
  change: MembershipChange,
  waitTicks: number,
): ChangeOutcome {
  const { latest } = state.log.configurations;
  const current = latest.electorate.membership;
  const isCommitted = latest.index <= state.commitIndex;
  if (current.changes?.includes(id)) return isCommitted && !latest.electorate.isJoint ? 'done' : 'begun';
  if (!state.hasCommittedInTerm) return 'later';
  // A copy of the request that was late; whoever asked has been told by now.
  if (state.droppedChange?.id === id)
    throw new TuttiError('TUTTI_MEMBER_BEHIND', { node: state.droppedChange.behind });
  if (state.staged?.id === id) return 'begun';
  if (state.staged || !isCommitted || latest.electorate.isJoint) {
    const under = state.staged ? 'new voters catch up first' : `entry ${latest.index} is not committed`;
    throw new TuttiError('TUTTI_MEMBERSHIP_CHANGING', { under });
  }
  const target = targetOf(current, change);
  if (isSameGroup(current, target)) return 'done';
  const behind = votersBehind(state, target);
  if (behind.length > 0 && change.type !== 'set') {
    if (behind.every((node) => state.catchUp.isOpen(node, state.ticks))) return 'later';
    throw new TuttiError('TUTTI_MEMBER_BEHIND', { node: behind[0]! });
  }
  // Checked before anything is begun: what comes after this must not fail any more.
  const step = checked(firstStep(current, target, id), change);
  if (behind.length === 0) appendMembership(state, step);
  else {
    const learning = learningStep(state, target, behind);
    if (learning) checked(learning, change);
    state.staged = { id, change, until: state.ticks + waitTicks, behind: behind[0]! };
    if (learning) appendMembership(state, learning);
  }
  return 'begun';
}

/** New voters are learners first: otherwise commits would wait for them, or an election for the vote of an empty log. */
function learningStep(
  state: RaftState,
  target: Membership,
  behind: readonly NodeId[],
): Membership | undefined {
  const current = state.electorate.membership;
  const strangers = behind.filter((node) => !state.electorate.isMember(node));
  if (strangers.length === 0) return undefined;
  const contacts = { ...current.contacts };
  for (const node of strangers) {
    const contact = target.contacts?.[node];
    if (contact !== undefined) contacts[node] = contact;
  }
  return { ...current, learners: [...current.learners, ...strangers], contacts };
}

/** Voters of `target` that have no vote yet and are not known to keep up. */
function votersBehind(state: RaftState, target: Membership): NodeId[] {
  const { voters } = state.electorate.membership;
  return target.voters.filter((node) => !voters.includes(node) && !isCaughtUp(state, node));
}

function isCaughtUp(state: RaftState, node: NodeId): boolean {
  return state.catchUp.isCaughtUp(node) && state.replication?.peer(node)?.isAlive === true;
}

/**
 * Goes on with what is under way, whoever began it, in this term or an earlier one: leaves a joint configuration that
 * is committed, carries out a staged change, promotes learners that have caught up. Call at a leader when the commit
 * index, a match index or the time has moved.
 */
export function continueChange(state: RaftState): void {
  if (state.role !== 'leader') return;
  const { learners } = state.electorate.membership;
  state.catchUp.notice(learners, state.log.lastIndex, state.ticks, (learner) => {
    return state.replication!.peer(learner)?.match ?? 0;
  });
  if (state.staged && state.ticks >= state.staged.until) dropStaged(state, state.staged);
  const { latest } = state.log.configurations;
  if (latest.index > state.commitIndex || !state.hasCommittedInTerm) return;
  const current = latest.electorate.membership;
  if (latest.electorate.isJoint) return appendMembership(state, lastStep(current));
  if (!latest.electorate.isVoter(state.id)) return standDown(state);
  if (state.staged) carryOutStaged(state, state.staged, current);
  // The target of a transfer may have been told to campaign with the log as it is: this can wait for the next leader.
  else if (!state.transfer) promoteReady(state, current);
}

function dropStaged(state: RaftState, { id, behind }: StagedChange): void {
  state.staged = undefined;
  state.droppedChange = { id, behind };
}

function carryOutStaged(state: RaftState, { id, change }: StagedChange, current: Membership): void {
  const target = targetOf(current, change);
  if (votersBehind(state, target).length > 0) return;
  state.staged = undefined;
  appendMembership(state, firstStep(current, target, id));
}

function promoteReady(state: RaftState, current: Membership): void {
  const ready = (current.promotable ?? []).filter((node) => isCaughtUp(state, node));
  // One at a time: with one voter more, old and new majorities share a node.
  if (ready.length > 0) appendMembership(state, promoted(current, ready.slice(0, 1)));
}

/**
 * A leader that is no voter of the committed configuration "steps down (returns to follower state) once it has
 * committed the C_new log entry" (paper 6). Before it falls silent it says that the entry is committed, and asks the
 * best of the others to take over, so that nobody waits for an election timeout.
 */
function standDown(state: RaftState): void {
  const { replication } = state;
  replication!.fill(state.commitIndex, state.messages, []);
  const heir = furthestVoter(state);
  if (heir !== undefined && replication!.peer(heir)!.match >= state.log.lastIndex)
    state.messages.push({ type: 'timeoutNow', from: state.id, to: heir, term: state.term });
  becomeFollower(state, state.term, undefined);
}

/**
 * Whether this node may campaign. Not only voters of its latest configuration: as long as that one may not be
 * committed, a voter of the one before "can start elections" although it does not count its own vote, since the others
 * may be unable to elect anybody with a log as long as its own (thesis 4.2.2, figure 4.6). The one before is the entry's
 * before it and not the one at the commit index, which a node that has just started does not know.
 */
export function mayCampaign(state: RaftState): boolean {
  const { configurations } = state.log;
  if (configurations.latest.electorate.isVoter(state.id)) return true;
  if (configurations.latest.index <= state.commitIndex) return false;
  return configurations.at(configurations.latest.index - 1).electorate.isVoter(state.id);
}
