import { assert, type LogIndex, type NodeId, type Term, type TuttiError } from '@tutti/kernel';
import { appendFence } from './appending.ts';
import { campaign, onRequestVote, onTimeoutNow, onVoteReply, ownVoteIsDurable } from './elections.ts';
import { hearFromLeader, onAppendEntries, onHeartbeat } from './following.ts';
import { replyHeartbeat } from './heartbeats.ts';
import { validate } from './invariants.ts';
import { commitByQuorum, onAppendReply, onHeartbeatReply, proposeCommand, tickLeader } from './leading.ts';
import { leaderLinkLost } from './link-lost.ts';
import type { MembershipChange } from './membership-change.ts';
import type { Membership, RaftMessage, SnapshotMeta } from './messages.ts';
import { hasOutputs, takeReady } from './outputs.ts';
import type { PeerProgress, RaftNodeOptions, RaftRole } from './raft-node-options.ts';
import { RaftState } from './raft-state.ts';
import { askReadIndex, loseLateReads, onReadIndex, onReadIndexReply, replyReadIndex } from './read-index.ts';
import type { Ready } from './ready.ts';
import { type ChangeOutcome, changeMembership, type DroppedChange } from './reconfiguring.ts';
import type { RepairSource } from './repair.ts';
import { becomeFollower, drawElectionTimeout } from './roles.ts';
import {
  onInstallSnapshot,
  onInstallSnapshotReply,
  startFromSnapshot,
  takeSnapshot,
  transferEnded,
} from './snapshots.ts';
import {
  beginTransfer,
  dropUnreachableTransfer,
  furthestVoter,
  notLeader,
  type TransferLoss,
} from './transfer.ts';

/**
 * Raft as a value machine: inputs are method calls, outputs are collected and handed out by {@link ready}. It does
 * no I/O and knows no time but ticks. The driver's loop: after any input, while `hasReady()`, take `ready()` and do
 * what it says, in the order that {@link Ready} states.
 *
 * This class is the door; the rules are beside it, a file for each responsibility. Figures and sections in their
 * comments are those of the Raft paper (Ongaro and Ousterhout, 2014); "thesis" is Ongaro's dissertation.
 */
export class RaftNode {
  readonly #state: RaftState;

  constructor(options: RaftNodeOptions) {
    this.#state = new RaftState(options);
    drawElectionTimeout(this.#state);
    validate(this.#state);
  }

  get id(): NodeId {
    return this.#state.id;
  }

  get role(): RaftRole {
    const { role, electorate, id } = this.#state;
    return role === 'follower' && !electorate.isVoter(id) ? 'learner' : role;
  }

  get term(): Term {
    return this.#state.term;
  }

  get leader(): NodeId | undefined {
    return this.#state.leader;
  }

  get commitIndex(): LogIndex {
    return this.#state.commitIndex;
  }

  /** The last entry of the log, on disk or still in memory. */
  get lastIndex(): LogIndex {
    return this.#state.log.lastIndex;
  }

  /** The last entry that is on this node's disk, as it stands in the log now. */
  get durableIndex(): LogIndex {
    return this.#state.log.durableIndex;
  }

  /** The configuration in force here: the latest in the log, committed or not. */
  get membership(): Membership {
    return this.#state.electorate.membership;
  }

  /** The entry that holds {@link membership}; 0, or a snapshot's index, for one that came without an entry. */
  get membershipIndex(): LogIndex {
    return this.#state.log.configurations.latest.index;
  }

  /** The configuration that was in force at `index`, which is applied: what belongs into a snapshot of that entry. */
  membershipAt(index: LogIndex): Membership {
    return this.#state.log.configurations.at(index).electorate.membership;
  }

  /**
   * Changes who belongs to the group, as leader (paper 6; thesis 4). `id` names the request: asked for again, under
   * another leader too, it is carried out once. New voters are learners until they have caught up.
   * @param waitTicks How long that may take before the change is dropped, and they stay learners.
   * @returns undefined when this node does not lead
   * @throws TuttiError `TUTTI_MEMBERSHIP_CHANGING`, `TUTTI_MEMBER_BEHIND`, `TUTTI_NOT_A_MEMBER`,
   * `TUTTI_NO_VOTER_LEFT`, `TUTTI_MEMBERSHIP_INVALID` (nothing was appended)
   */
  changeMembership(id: string, change: MembershipChange, waitTicks: number): ChangeOutcome | undefined {
    const state = this.#state;
    return state.role === 'leader' ? changeMembership(state, id, change, waitTicks) : undefined;
  }

  /** As leader, the last change of this term that was given up, since its new voters took too long to catch up. */
  get droppedChange(): DroppedChange | undefined {
    return this.#state.droppedChange;
  }

  /** As leader, the other members; empty otherwise. */
  get peers(): readonly NodeId[] {
    return [...(this.#state.replication?.peers ?? [])].map(({ peer }) => peer);
  }

  /** As leader, how far each other member is; empty otherwise. */
  progress(): readonly PeerProgress[] {
    return [...(this.#state.replication?.peers ?? [])].map((progress) => ({
      peer: progress.peer,
      matchIndex: progress.match,
      nextIndex: progress.next,
      state: progress.state,
      windowMessages: progress.windowMessages,
      active: progress.active,
    }));
  }

  /** What this node can tell peers that repair their stores. */
  repairSource(): RepairSource {
    const { id, term, role, log, commitIndex, electorate } = this.#state;
    // A node that was started with no configuration cannot say who the others are either.
    const membership = electorate.membership.voters.length > 0 ? electorate.membership : undefined;
    return { id, term, leads: role === 'leader', commitIndex, membership, log: log.asRaftLog() };
  }

  /**
   * A member that repairs its store is in this term. It says nothing else, so that nobody would learn of the term by
   * the rule for all servers (Raft 5.1), and a leader of a lower one could not help it.
   * @returns whether it is news.
   */
  hearTerm(from: NodeId, term: Term): boolean {
    const state = this.#state;
    const isNews = term > state.term && state.electorate.isMember(from);
    if (isNews) becomeFollower(state, term, undefined);
    return isNews;
  }

  /** As leader whose log ends just before `index`, puts an entry there: for a peer that has forgotten how it voted. */
  fence(index: LogIndex): void {
    appendFence(this.#state, index);
  }

  /** Whether nobody else votes, by all that is known to be committed. */
  get isOnlyVoter(): boolean {
    return this.#state.isOnlyVoter;
  }

  /** As leader, whether leadership is being handed on, or a change of the membership has not come to its end. */
  get isMoving(): boolean {
    const { transfer, staged, electorate } = this.#state;
    return transfer !== undefined || staged !== undefined || electorate.isJoint;
  }

  /** To whom leadership is being handed; nothing is proposed meanwhile. */
  get transferTarget(): NodeId | undefined {
    return this.#state.transfer?.target;
  }

  /** As leader, why the last transfer ended before its time; undefined if it did not, or another has begun. */
  get transferLoss(): TransferLoss | undefined {
    return this.#state.transferLoss;
  }

  /** What a call that only a leader can serve is answered here: `TUTTI_NOT_LEADER`, with who leads if that is known. */
  notLeader(): TuttiError {
    return notLeader(this.#state);
  }

  /** As leader, a voter to hand leadership to that was heard of lately; undefined when there is none. */
  get successor(): NodeId | undefined {
    const peer = furthestVoter(this.#state);
    return peer !== undefined && this.#state.replication?.peer(peer)?.isAlive ? peer : undefined;
  }

  /**
   * Hands leadership to `target`, or to the voter that is furthest (Raft thesis 3.10). It has ended when this node
   * no longer leads, or when `transferTarget` is undefined again: it was given up after one election timeout, or at
   * once for the reason that {@link transferLoss} gives, as when the target is removed meanwhile.
   * @returns the target
   * @throws TuttiError `TUTTI_NOT_LEADER`, `TUTTI_LEADERSHIP_MOVING`, `TUTTI_TRANSFER_UNKNOWN`,
   * `TUTTI_TRANSFER_NOT_VOTER`, `TUTTI_TRANSFER_NEEDLESS`
   */
  transferLeadership(target?: NodeId): NodeId {
    return beginTransfer(this.#state, target);
  }

  /** Lets one unit of time pass. */
  tick(): void {
    const state = this.#state;
    state.ticks++;
    state.electionElapsedTicks++;
    loseLateReads(state);
    if (state.role === 'leader') tickLeader(state);
    else if (state.electionElapsedTicks >= state.electionTimeoutTicks) campaign(state);
  }

  /**
   * Says whether this node may lead. One that may not steps down at once and starts no election, unless and as long as
   * no other voter could take over; it still votes, since a vote leaves only when it is durable.
   */
  setMayLead(yes: boolean): void {
    const state = this.#state;
    state.bearsLeading = yes;
    if (!state.mayLead && state.role !== 'follower') becomeFollower(state, state.term, undefined);
  }

  /**
   * The link to `peer` went down, as this node's transport saw it: a leader whose process died is replaced within few
   * ticks instead of an election timeout. A driver need not say so, and may be wrong: with pre-vote and check-quorum
   * nobody is disturbed as long as the others hear the leader, and without either of them nothing happens.
   */
  linkLost(peer: NodeId): void {
    leaderLinkLost(this.#state, peer);
    dropUnreachableTransfer(this.#state, peer);
  }

  /**
   * Starts an election now, for tests and for taking over. Nothing happens at a leader; one that may not stand, as a
   * learner, only takes the leader that it followed for lost.
   */
  campaign(): void {
    campaign(this.#state);
  }

  /**
   * Takes a message from a peer; the driver passes every kind of RaftMessage. Messages of strangers are ignored.
   * Chunks of a snapshot that is wanted come back through `Ready.snapshotChunks`; an InstallSnapshotReply is noted
   * (an `installed` one ends the transfer) and is the driver's cue to send the next chunk.
   */
  step(message: RaftMessage): void {
    const state = this.#state;
    const { from, to } = message;
    if (to !== state.id || from === state.id || !isHeeded(state, message)) return;
    if (message.type === 'requestVote') return onRequestVote(state, message);
    if (message.type === 'voteReply') return onVoteReply(state, message);
    if (message.term < state.term) return this.#onStale(message);
    const isFromLeader = comesFromLeader(message);
    if (message.term > state.term) becomeFollower(state, message.term, isFromLeader ? from : undefined);
    if (isFromLeader) hearFromLeader(state, from);
    switch (message.type) {
      case 'appendEntries':
        return onAppendEntries(state, message);
      case 'appendReply':
        return onAppendReply(state, message);
      case 'heartbeat':
        return onHeartbeat(state, message);
      case 'heartbeatReply':
        return onHeartbeatReply(state, message);
      case 'timeoutNow':
        return onTimeoutNow(state, message);
      case 'readIndex':
        return onReadIndex(state, message);
      case 'readIndexReply':
        return onReadIndexReply(state, message);
      case 'installSnapshot':
        return onInstallSnapshot(state, message);
      case 'installSnapshotReply':
        return onInstallSnapshotReply(state, message);
    }
  }

  /** A sender of an earlier term is told the newer one where it would otherwise go on asking. */
  #onStale(message: RaftMessage): void {
    if (message.type === 'readIndex') replyReadIndex(this.#state, message.from, message.requestId, undefined);
    else if (comesFromLeader(message)) replyHeartbeat(this.#state, message.from, 0);
  }

  /**
   * Appends a command as leader; undefined when this node does not lead. All proposals before one `ready()` travel
   * and are written together.
   * @throws TuttiError `TUTTI_PROPOSAL_TOO_LARGE`, `TUTTI_OVERLOADED`, `TUTTI_LEADERSHIP_MOVING` (nothing was
   * appended)
   */
  propose(data: Uint8Array): LogIndex | undefined {
    return this.#state.role === 'leader' ? proposeCommand(this.#state, data) : undefined;
  }

  /**
   * Asks for a linearizable read, in any role. The answer comes as `Ready.reads` or `Ready.lostReads`, once, under
   * the `requestId` given; use a fresh one for every attempt.
   */
  readIndex(requestId: number): void {
    askReadIndex(this.#state, requestId);
  }

  /**
   * Every byte of a snapshot is here, checked and durable in the store. If it is still ahead of this node, `install`
   * appears in a later Ready; otherwise (the log holds that entry, or went past it) nothing needs to be replaced.
   */
  snapshotReceived(meta: SnapshotMeta): void {
    takeSnapshot(this.#state, meta);
  }

  /** State machine and log have been replaced by the snapshot that `Ready.install` named. */
  restored(meta: SnapshotMeta): void {
    startFromSnapshot(this.#state, meta);
  }

  /** As leader: the transfer to `peer` ended; `ok` when the peer said that it is installed. */
  snapshotSent(peer: NodeId, meta: SnapshotMeta, ok: boolean): void {
    transferEnded(this.#state, peer, meta, ok);
  }

  /**
   * The link did not take a message of `Ready.messages`: it is full, or there is none. No append is sent to that peer
   * until it has answered something, and fewer at once then. A driver need not say so, since heartbeats notice whatever
   * does not arrive; it only takes longer.
   */
  unsent(message: RaftMessage): void {
    const { replication, term } = this.#state;
    if (message.type === 'appendEntries' && message.term === term) replication?.unsent(message);
  }

  /** Something was to be sent to `peer`, and there is no link: leadership does not go to whoever cannot be reached. */
  unreachable(peer: NodeId): void {
    dropUnreachableTransfer(this.#state, peer);
  }

  /** The link to `peer` came up anew: what was under way to it may be lost, and is looked for at once. */
  linkRenewed(peer: NodeId): void {
    const state = this.#state;
    if (state.replication?.linkRenewed(peer)) state.replicationDue = true;
  }

  /** Whether `ready()` has something to do. */
  hasReady(): boolean {
    return hasOutputs(this.#state);
  }

  /** Everything to do now; it is considered done by the driver, and not handed out again. */
  ready(): Ready {
    const ready = takeReady(this.#state);
    validate(this.#state);
    return ready;
  }

  /** The batch of this sequence, and every earlier one, is durable. */
  persisted(sequence: number): void {
    const state = this.#state;
    assert(sequence <= state.sequence, 'only what was handed out can be durable');
    if (sequence <= state.persistedSequence) return;
    state.persistedSequence = sequence;
    state.log.persisted(sequence);
    if (state.role === 'candidate' && state.isHardStateDurable) ownVoteIsDurable(state);
    commitByQuorum(state);
  }

  /** The state machine has applied everything up to `index`. */
  applied(index: LogIndex): void {
    assert(index <= this.#state.handedIndex, 'only what was handed out is applied');
    const state = this.#state;
    if (index <= state.appliedIndex) return;
    state.appliedIndex = index;
    state.applying.applied(index);
    state.log.configurations.forgetBefore(index);
  }
}

/**
 * Whose word counts for something. A leader or candidate that is no member by this node's configuration may be one by
 * a later, which its own messages bring: "a server accepts AppendEntries requests from a leader that is not part of
 * the server's latest configuration", and votes likewise (paper 6). Other words of a stranger must not disturb, above
 * all not raise the term.
 */
function isHeeded({ electorate, term, replication }: RaftState, message: RaftMessage): boolean {
  if (electorate.isMember(message.from) || comesFromLeader(message)) return true;
  if (message.type === 'requestVote') return true;
  // What a node that is gone answers when it is told so.
  return message.term <= term && replication?.peer(message.from) !== undefined;
}

/** Only the leader of a term sends these in it. */
function comesFromLeader({ type }: RaftMessage): boolean {
  return (
    type === 'appendEntries' || type === 'heartbeat' || type === 'installSnapshot' || type === 'timeoutNow'
  );
}
