import {
  assert,
  type LogIndex,
  logIndex,
  type NodeId,
  type Random,
  type Term,
  TuttiError,
  term,
} from '@tutti/kernel';
import { acceptEntries } from './accept-entries.ts';
import { Campaign, isUpToDate } from './campaign.ts';
import { type RaftConfig, raftConfig } from './config.ts';
import { Electorate } from './electorate.ts';
import { ForwardedReads } from './forwarded-reads.ts';
import { validate } from './invariants.ts';
import { LogView } from './log-view.ts';
import type {
  AppendEntries,
  AppendReply,
  Entry,
  EntryKind,
  Heartbeat,
  HeartbeatReply,
  InstallSnapshot,
  InstallSnapshotReply,
  Membership,
  RaftMessage,
  ReadIndexReply,
  ReadIndexRequest,
  RequestVote,
  SnapshotMeta,
  VoteReply,
} from './messages.ts';
import type { PeerProgress, RaftNodeOptions, RaftRole } from './raft-node-options.ts';
import { ReadRounds, type WaitingRead } from './read-rounds.ts';
import type { PersistBatch, ReadState, Ready } from './ready.ts';
import { Replication } from './replication.ts';

const NO_DATA = new Uint8Array(0);
const NO_ENTRIES: readonly Entry[] = [];

/**
 * Raft as a value machine: inputs are method calls, outputs are collected and handed out by {@link ready}. It does
 * no I/O and knows no time but ticks. The driver's loop: after any input, while `hasReady()`, take `ready()` and do
 * what it says, in the order that {@link Ready} states.
 *
 * Figures and sections in the comments are those of the Raft paper (Ongaro and Ousterhout, 2014); "thesis" is
 * Ongaro's dissertation.
 */
export class RaftNode {
  readonly id: NodeId;
  readonly #config: RaftConfig;
  readonly #random: Random;
  readonly #log: LogView;
  #electorate: Electorate;

  // Figure 2, persistent state, and how much of it is on disk.
  #term: Term;
  #votedFor: NodeId | undefined;
  #hardStateDirty = false;
  /** The batch that carried the newest hard state. */
  #hardStateSequence = 0;
  #sequence = 0;
  #persistedSequence = 0;

  // Volatile state of every role.
  #role: 'follower' | 'pre-candidate' | 'candidate' | 'leader' = 'follower';
  #leader: NodeId | undefined;
  #commit: LogIndex;
  /** The last committed entry that has been handed out for applying. */
  #handed: LogIndex;
  #applied: LogIndex;
  #ticks = 0;
  #electionElapsed = 0;
  #electionTimeout = 0;
  #heartbeatElapsed = 0;

  // Follower: how far the log is known to equal the leader's, and whether the leader waits to hear it.
  #verified: LogIndex;
  #ackDue = false;
  #acked: LogIndex = logIndex(0);
  #installing: SnapshotMeta | undefined;
  #installHanded = false;

  // Candidate, then leader.
  #campaign: Campaign | undefined;
  #replication: Replication | undefined;
  #replicationDue = false;
  #uncommittedBytes = 0;
  #rounds: ReadRounds;
  readonly #forwarded: ForwardedReads;

  // Outputs that gather until the next Ready.
  #messages: RaftMessage[] = [];
  /** Messages that must not leave before the hard state they speak of is on disk. */
  #promises: RaftMessage[] = [];
  #reads: ReadState[] = [];
  #lostReads: number[] = [];
  #snapshotChunks: InstallSnapshot[] = [];

  constructor(options: RaftNodeOptions) {
    this.id = options.id;
    this.#config = raftConfig(options.config);
    this.#random = options.random;
    this.#log = new LogView(options.log);
    this.#electorate = new Electorate(options.membership);
    this.#term = options.hardState.term;
    this.#votedFor = options.hardState.votedFor;
    const snapshotIndex = options.log.snapshot()?.meta.index ?? logIndex(0);
    this.#applied = options.appliedIndex ?? snapshotIndex;
    assert(this.#applied >= snapshotIndex, 'a state machine starts from the snapshot or later');
    this.#handed = this.#applied;
    this.#commit = this.#applied;
    this.#verified = this.#commit;
    this.#rounds = new ReadRounds(this.#config.readsMax);
    this.#forwarded = new ForwardedReads(this.#random, this.#config.readsMax);
    this.#drawElectionTimeout();
    this.#validate();
  }

  get role(): RaftRole {
    return this.#role === 'follower' && !this.#electorate.isVoter(this.id) ? 'learner' : this.#role;
  }

  get term(): Term {
    return this.#term;
  }

  get leader(): NodeId | undefined {
    return this.#leader;
  }

  get commitIndex(): LogIndex {
    return this.#commit;
  }

  /** The last entry of the log, on disk or still in memory. */
  get lastIndex(): LogIndex {
    return this.#log.lastIndex;
  }

  get membership(): Membership {
    return this.#electorate.membership;
  }

  /** As leader, how far each other member is; empty otherwise. */
  progress(): readonly PeerProgress[] {
    return [...(this.#replication?.peers ?? [])].map((progress) => ({
      peer: progress.peer,
      matchIndex: progress.match,
      nextIndex: progress.next,
      state: progress.state,
      active: progress.active,
    }));
  }

  // ── time ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Lets one unit of time pass. */
  tick(): void {
    this.#ticks++;
    this.#electionElapsed++;
    this.#lostReads.push(...this.#forwarded.takeOlderThan(this.#ticks - this.#config.electionTimeoutTicks));
    if (this.#role === 'leader') this.#tickLeader();
    else if (this.#electionElapsed >= this.#electionTimeout) this.campaign();
  }

  #tickLeader(): void {
    if (this.#electionElapsed >= this.#config.electionTimeoutTicks) {
      this.#electionElapsed = 0;
      const alive = this.#replication!.takeQuorumActivity();
      if (this.#config.checkQuorum && !alive) {
        this.#becomeFollower(this.#term, undefined);
        return;
      }
    }
    if (++this.#heartbeatElapsed >= this.#config.heartbeatTicks) this.#broadcastHeartbeat();
  }

  #drawElectionTimeout(): void {
    const { electionTimeoutTicks } = this.#config;
    this.#electionElapsed = 0;
    this.#electionTimeout = this.#random.integer(electionTimeoutTicks, 2 * electionTimeoutTicks - 1);
  }

  #broadcastHeartbeat(): void {
    this.#heartbeatElapsed = 0;
    for (const progress of this.#replication!.peers) {
      this.#messages.push({
        type: 'heartbeat',
        from: this.id,
        to: progress.peer,
        term: this.#term,
        // A peer knows no more than what it has acknowledged to be the same as here.
        commitIndex: logIndex(Math.min(progress.match, this.#commit)),
        readRound: this.#rounds.last,
      });
    }
  }

  // ── elections (5.2, 5.4.1; thesis 9.6) ──────────────────────────────────────────────────────────────────────

  /** Starts an election now, for tests and for taking over. Nothing happens at a leader or learner. */
  campaign(): void {
    this.#drawElectionTimeout();
    if (this.#role === 'leader' || !this.#electorate.isVoter(this.id) || this.#installing) return;
    if (!this.#config.preVote) return this.#becomeCandidate();
    this.#leaveRole();
    this.#role = 'pre-candidate';
    this.#leader = undefined;
    this.#campaign = new Campaign(true, term(this.#term + 1));
    this.#campaign.count(this.id, true);
    this.#requestVotes(this.#campaign, this.#messages);
    this.#judgeCampaign();
  }

  #becomeCandidate(): void {
    this.#leaveRole();
    this.#role = 'candidate';
    this.#leader = undefined;
    this.#term = term(this.#term + 1);
    this.#votedFor = this.id;
    this.#hardStateDirty = true;
    this.#drawElectionTimeout();
    // This node's own vote counts when it is on disk, see `persisted`.
    this.#campaign = new Campaign(false, this.#term);
    this.#requestVotes(this.#campaign, this.#promises);
  }

  #requestVotes(campaign: Campaign, into: RaftMessage[]): void {
    const { lastIndex, lastTerm } = this.#log;
    for (const voter of this.#electorate.voters) {
      if (voter === this.id) continue;
      const { term, pre } = campaign;
      into.push({ type: 'requestVote', from: this.id, to: voter, term, pre, lastIndex, lastTerm });
    }
  }

  #judgeCampaign(): void {
    const campaign = this.#campaign;
    if (!campaign) return;
    const verdict = campaign.verdict(this.#electorate);
    if (verdict === 'lost') this.#becomeFollower(this.#term, undefined);
    else if (verdict === 'won' && campaign.pre) this.#becomeCandidate();
    else if (verdict === 'won') this.#becomeLeader();
  }

  #becomeLeader(): void {
    this.#leaveRole();
    this.#role = 'leader';
    this.#leader = this.id;
    this.#electionElapsed = 0;
    this.#heartbeatElapsed = 0;
    this.#replication = new Replication({
      self: this.id,
      term: this.#term,
      electorate: this.#electorate,
      log: this.#log,
      config: this.#config,
    });
    this.#rounds = new ReadRounds(this.#config.readsMax);
    this.#uncommittedBytes = 0;
    // An entry of the own term, so that what is left of earlier terms can commit (5.4.2, thesis 6.4).
    this.#append('noop', NO_DATA);
  }

  /** Follows in `term`. The vote is forgotten only when the term changes, never by stepping down within it. */
  #becomeFollower(term: Term, leader: NodeId | undefined): void {
    assert(term >= this.#term, 'a term never falls');
    if (term > this.#term) {
      this.#term = term;
      this.#votedFor = undefined;
      this.#hardStateDirty = true;
    }
    this.#leaveRole();
    this.#role = 'follower';
    this.#leader = leader;
    this.#drawElectionTimeout();
  }

  /** Drops what belongs to the role and term that end. Reads under way are lost: who leads next is not known. */
  #leaveRole(): void {
    this.#campaign = undefined;
    this.#verified = this.#commit;
    this.#ackDue = false;
    this.#acked = logIndex(0);
    this.#lostReads.push(...this.#forwarded.takeAll());
    if (!this.#replication) return;
    this.#replication = undefined;
    for (const read of this.#rounds.takeAll()) this.#loseRead(read);
  }

  #onRequestVote(message: RequestVote): void {
    if (!this.#electorate.isVoter(message.from)) return;
    if (message.term > this.#term && this.#hearsLeader()) return;
    if (message.pre) return this.#answerPreVote(message);
    if (message.term > this.#term) this.#becomeFollower(message.term, undefined);
    const granted =
      message.term === this.#term &&
      this.#role === 'follower' &&
      (this.#votedFor === undefined || this.#votedFor === message.from) &&
      isUpToDate(message, this.#log);
    if (granted) {
      if (this.#votedFor === undefined) this.#hardStateDirty = true;
      this.#votedFor = message.from;
      this.#drawElectionTimeout();
    }
    this.#promises.push(this.#voteReply(message, granted));
  }

  #answerPreVote(message: RequestVote): void {
    const granted = message.term > this.#term && isUpToDate(message, this.#log);
    this.#messages.push(this.#voteReply(message, granted));
  }

  #voteReply(message: RequestVote, granted: boolean): VoteReply {
    return {
      type: 'voteReply',
      from: this.id,
      to: message.from,
      term: this.#term,
      pre: message.pre,
      campaignTerm: message.term,
      granted,
    };
  }

  /** While a leader is heard, candidates are not answered: whoever was cut off or removed disturbs nobody (6). */
  #hearsLeader(): boolean {
    if (!this.#config.checkQuorum || this.#leader === undefined) return false;
    return this.#role === 'leader' || this.#electionElapsed < this.#config.electionTimeoutTicks;
  }

  #onVoteReply(message: VoteReply): void {
    if (message.term > this.#term) return this.#becomeFollower(message.term, undefined);
    if (!this.#campaign?.isAnsweredBy(message)) return;
    this.#campaign.count(message.from, message.granted);
    this.#judgeCampaign();
  }

  // ── messages ────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Takes a message from a peer; the driver passes every kind of RaftMessage. Messages of strangers are ignored.
   * Chunks of a snapshot that is wanted come back through `Ready.snapshotChunks`; an InstallSnapshotReply is noted
   * (an `installed` one ends the transfer) and is the driver's cue to send the next chunk.
   */
  step(message: RaftMessage): void {
    if (message.to !== this.id || message.from === this.id || !this.#electorate.isMember(message.from))
      return;
    if (message.type === 'requestVote') return this.#onRequestVote(message);
    if (message.type === 'voteReply') return this.#onVoteReply(message);
    if (message.term < this.#term) return this.#onStale(message);
    const isFromLeader =
      message.type === 'appendEntries' || message.type === 'heartbeat' || message.type === 'installSnapshot';
    if (message.term > this.#term)
      this.#becomeFollower(message.term, isFromLeader ? message.from : undefined);
    if (isFromLeader) this.#hearFromLeader(message.from);
    switch (message.type) {
      case 'appendEntries':
        return this.#onAppendEntries(message);
      case 'appendReply':
        return this.#onAppendReply(message);
      case 'heartbeat':
        return this.#onHeartbeat(message);
      case 'heartbeatReply':
        return this.#onHeartbeatReply(message);
      case 'readIndex':
        return this.#onReadIndex(message);
      case 'readIndexReply':
        return this.#onReadIndexReply(message);
      case 'installSnapshot':
        return this.#onInstallSnapshot(message);
      case 'installSnapshotReply':
        return this.#onInstallSnapshotReply(message);
    }
  }

  /** A sender of an earlier term is told the newer one where it would otherwise go on asking. */
  #onStale(message: RaftMessage): void {
    if (message.type === 'readIndex') return this.#replyReadIndex(message.from, message.requestId, undefined);
    if (
      message.type === 'appendEntries' ||
      message.type === 'heartbeat' ||
      message.type === 'installSnapshot'
    ) {
      this.#replyHeartbeat(message.from, 0);
    }
  }

  #hearFromLeader(leader: NodeId): void {
    assert(this.#role !== 'leader', 'a term has one leader (election safety, figure 3)');
    if (this.#leader === undefined || this.#role !== 'follower') this.#becomeFollower(this.#term, leader);
    assert(this.#leader === leader, 'a term has one leader (election safety, figure 3)');
    this.#electionElapsed = 0;
  }

  // ── replication (5.3) ───────────────────────────────────────────────────────────────────────────────────────

  /**
   * Appends a command as leader; undefined when this node does not lead. All proposals before one `ready()` travel
   * and are written together.
   * @throws TuttiError `TUTTI_PROPOSAL_TOO_LARGE`, `TUTTI_OVERLOADED` (nothing was appended)
   */
  propose(data: Uint8Array): LogIndex | undefined {
    if (this.#role !== 'leader') return undefined;
    const { proposalBytesMax, uncommittedBytesMax } = this.#config;
    if (data.length > proposalBytesMax) {
      throw new TuttiError('TUTTI_PROPOSAL_TOO_LARGE', { bytes: data.length, limitBytes: proposalBytesMax });
    }
    if (this.#uncommittedBytes + data.length > uncommittedBytesMax) {
      throw new TuttiError('TUTTI_OVERLOADED', {
        what: 'The log of entries that are not committed yet (bytes)',
        size: this.#uncommittedBytes,
        limit: uncommittedBytesMax,
      });
    }
    return this.#append('command', data);
  }

  #append(kind: EntryKind, data: Uint8Array): LogIndex {
    const index = logIndex(this.#log.lastIndex + 1);
    this.#log.append({ index, term: this.#term, kind, data });
    this.#uncommittedBytes += data.length;
    this.#replicationDue = true;
    return index;
  }

  #onAppendEntries(message: AppendEntries): void {
    if (this.#installing) return;
    const outcome = acceptEntries(this.#log, this.#commit, message);
    if (!outcome.accepted) {
      this.#messages.push({
        ...this.#appendReply(logIndex(0)),
        success: false,
        hintIndex: outcome.hintIndex,
        hintTerm: outcome.hintTerm,
        rejectedIndex: message.prevIndex,
      });
      return;
    }
    if (outcome.verifiedIndex > this.#verified) this.#verified = outcome.verifiedIndex;
    this.#ackDue = true;
    // Beyond what this very message verified, the log may still differ from the leader's.
    this.#commitTo(Math.min(message.commitIndex, outcome.verifiedIndex));
  }

  #appendReply(matchIndex: LogIndex): AppendReply {
    return {
      type: 'appendReply',
      from: this.id,
      to: this.#leader!,
      term: this.#term,
      success: true,
      matchIndex,
      hintIndex: logIndex(0),
      hintTerm: term(0),
      rejectedIndex: logIndex(0),
    };
  }

  /** What an acknowledgement may claim now; undefined when none is due, or it waits for the disk. */
  #ackable(): LogIndex | undefined {
    if (!this.#ackDue || !this.#isHardStateDurable()) return undefined;
    const match = logIndex(Math.min(this.#verified, this.#log.durableIndex));
    return match === this.#verified || match > this.#acked ? match : undefined;
  }

  #onAppendReply(message: AppendReply): void {
    if (!this.#replication) return;
    this.#replicationDue = true;
    if (this.#replication.replied(message)) this.#commitByQuorum();
  }

  #onHeartbeat(message: Heartbeat): void {
    // The leader never announces more than this node has acknowledged to have on disk in this term.
    if (!this.#installing) this.#commitTo(Math.min(message.commitIndex, this.#log.lastIndex));
    this.#replyHeartbeat(message.from, message.readRound);
  }

  #replyHeartbeat(to: NodeId, readRound: number): void {
    const { lastIndex } = this.#log;
    this.#messages.push({
      type: 'heartbeatReply',
      from: this.id,
      to,
      term: this.#term,
      readRound,
      lastIndex,
    });
  }

  #onHeartbeatReply(message: HeartbeatReply): void {
    const progress = this.#replication?.peer(message.from);
    if (!progress) return;
    progress.heartbeatReplied(this.#log.lastIndex);
    this.#replicationDue = true;
    this.#rounds.answered(message.from, message.readRound);
    this.#serveConfirmedReads();
  }

  #commitByQuorum(): void {
    const index = this.#replication?.committable() ?? 0;
    if (index <= this.#commit) return;
    this.#commitTo(index);
    this.#replicationDue = true;
  }

  #commitTo(index: number): void {
    if (index <= this.#commit) return;
    assert(index <= this.#log.lastIndex, 'what is committed is in the log');
    this.#commit = logIndex(index);
  }

  // ── linearizable reads (thesis 6.4) ─────────────────────────────────────────────────────────────────────────

  /**
   * Asks for a linearizable read, in any role. The answer comes as `Ready.reads` or `Ready.lostReads`, once, under
   * the `requestId` given; use a fresh one for every attempt.
   */
  readIndex(requestId: number): void {
    const taken =
      this.#role === 'leader'
        ? this.#rounds.add({ from: this.id, requestId })
        : this.#leader !== undefined && this.#forwarded.add(requestId);
    if (!taken) this.#lostReads.push(requestId);
  }

  #onReadIndex(message: ReadIndexRequest): void {
    const { from, requestId } = message;
    const taken = this.#role === 'leader' && this.#rounds.add({ from, requestId });
    if (!taken) this.#replyReadIndex(from, requestId, undefined);
  }

  #replyReadIndex(to: NodeId, requestId: number, readIndex: LogIndex | undefined): void {
    this.#messages.push({
      type: 'readIndexReply',
      from: this.id,
      to,
      term: this.#term,
      requestId,
      readIndex,
    });
  }

  #onReadIndexReply(message: ReadIndexReply): void {
    if (message.from !== this.#leader) return;
    for (const requestId of this.#forwarded.takeAnswered(message.requestId)) {
      if (message.readIndex === undefined) this.#lostReads.push(requestId);
      else this.#reads.push({ requestId, index: message.readIndex });
    }
  }

  #loseRead(read: WaitingRead): void {
    if (read.from === this.id) this.#lostReads.push(read.requestId);
    else this.#replyReadIndex(read.from, read.requestId, undefined);
  }

  /** Until an entry of its own term commits, a leader does not know how far its predecessors had committed. */
  #mayOpenRound(): boolean {
    return this.#rounds.hasWaiting && this.#log.termAt(this.#commit) === this.#term;
  }

  #serveConfirmedReads(): void {
    this.#rounds.takeConfirmed(this.id, this.#electorate, ({ from, requestId }, index) => {
      if (from === this.id) this.#reads.push({ requestId, index });
      else this.#replyReadIndex(from, requestId, index);
    });
  }

  /** All reads of a turn go out together: one round of heartbeats here, one question from elsewhere. */
  #sendReads(): void {
    if (this.#role === 'leader') {
      if (!this.#mayOpenRound()) return;
      this.#rounds.open(this.#commit);
      this.#broadcastHeartbeat();
      this.#serveConfirmedReads();
    } else if (this.#forwarded.hasWaiting) {
      this.#messages.push({
        type: 'readIndex',
        from: this.id,
        to: this.#leader!,
        term: this.#term,
        requestId: this.#forwarded.ask(this.#ticks),
      });
    }
  }

  // ── snapshots (figure 13) ───────────────────────────────────────────────────────────────────────────────────

  #onInstallSnapshot(message: InstallSnapshot): void {
    const { meta } = message;
    if (this.#installing) return;
    if (!this.#wants(meta)) this.#replyInstalled(meta);
    else this.#snapshotChunks.push(message);
  }

  /**
   * Whether only the snapshot can bring its state here. A log that has the snapshot's last entry keeps it and all
   * that follows, and only learns that it is committed; going back is never right.
   */
  #wants(meta: SnapshotMeta): boolean {
    if (meta.index <= this.#commit) return false;
    if (!this.#log.matches(meta.index, meta.term)) return true;
    this.#commitTo(meta.index);
    if (meta.index > this.#verified) this.#verified = meta.index;
    return false;
  }

  /** Ends a transfer, once what it was to bring is on this node's disk. */
  #replyInstalled(meta: SnapshotMeta): void {
    if (this.#leader === undefined || this.#role === 'leader') return;
    this.#ackDue = true;
    if (this.#log.durableIndex < meta.index) return;
    this.#messages.push({
      type: 'installSnapshotReply',
      from: this.id,
      to: this.#leader,
      term: this.#term,
      index: meta.index,
      receivedBytes: 0,
      installed: true,
    });
  }

  #onInstallSnapshotReply(message: InstallSnapshotReply): void {
    const progress = this.#replication?.peer(message.from);
    if (!progress) return;
    progress.active = true;
    if (message.installed) this.#peerInstalled(message.from, message.index);
  }

  #peerInstalled(peer: NodeId, index: LogIndex): void {
    this.#replicationDue = true;
    if (this.#replication?.installed(peer, index)) this.#commitByQuorum();
  }

  /**
   * Every byte of a snapshot is here, checked and durable in the store. If it is still ahead of this node, `install`
   * appears in a later Ready; otherwise (the log holds that entry, or went past it) nothing needs to be replaced.
   */
  snapshotReceived(meta: SnapshotMeta): void {
    if (this.#installing) return;
    if (this.#role === 'leader' || !this.#wants(meta)) return this.#replyInstalled(meta);
    if (this.#role !== 'follower') this.#becomeFollower(this.#term, undefined);
    this.#installing = meta;
    this.#installHanded = false;
  }

  /** State machine and log have been replaced by the snapshot that `Ready.install` named. */
  restored(meta: SnapshotMeta): void {
    assert(this.#installing?.index === meta.index, 'the snapshot that was handed out was installed');
    assert(meta.index > this.#commit, 'a snapshot never takes a node back');
    this.#installing = undefined;
    this.#log.reset(meta);
    this.#electorate = new Electorate(meta.membership);
    this.#commit = meta.index;
    this.#handed = meta.index;
    this.#applied = meta.index;
    this.#verified = meta.index;
    this.#replyInstalled(meta);
  }

  /** As leader: the transfer to `peer` ended; `ok` when the peer said that it is installed. */
  snapshotSent(peer: NodeId, meta: SnapshotMeta, ok: boolean): void {
    if (!this.#replication) return;
    this.#replicationDue = true;
    if (ok) this.#peerInstalled(peer, meta.index);
    else this.#replication.snapshotFailed(peer);
  }

  // ── outputs ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether `ready()` has something to do. */
  hasReady(): boolean {
    return (
      this.#messages.length > 0 ||
      this.#replicationDue ||
      this.#hardStateDirty ||
      this.#log.hasUnwritten ||
      (this.#handed < this.#commit && !this.#installing) ||
      (this.#promises.length > 0 && this.#isHardStateDurable()) ||
      this.#ackable() !== undefined ||
      this.#reads.length > 0 ||
      this.#lostReads.length > 0 ||
      this.#snapshotChunks.length > 0 ||
      this.#mayInstall() ||
      (this.#role === 'leader' ? this.#mayOpenRound() : this.#forwarded.hasWaiting)
    );
  }

  /** Everything to do now; it is considered done by the driver, and not handed out again. */
  ready(): Ready {
    this.#sendReads();
    const snapshotsTo: NodeId[] = [];
    if (this.#replication && this.#replicationDue) {
      this.#replication.fill(this.#commit, this.#messages, snapshotsTo);
    }
    this.#replicationDue = false;
    this.#acknowledge();
    const persist = this.#takeBatch();
    const promises = this.#takePromises(persist);
    const messages = this.#messages;
    this.#messages = [];
    if (!persist) messages.push(...promises);
    const ready: Ready = {
      messages,
      persist,
      afterPersist: persist ? promises : [],
      committed: this.#takeCommitted(),
      reads: this.#reads,
      lostReads: this.#lostReads,
      snapshotsTo,
      snapshotChunks: this.#snapshotChunks,
      install: this.#takeInstall(),
    };
    this.#reads = [];
    this.#lostReads = [];
    this.#snapshotChunks = [];
    this.#validate();
    return ready;
  }

  #acknowledge(): void {
    const match = this.#ackable();
    if (match === undefined) return;
    this.#messages.push(this.#appendReply(match));
    this.#acked = match;
    this.#ackDue = match < this.#verified;
  }

  #takeBatch(): PersistBatch | undefined {
    if (!this.#hardStateDirty && !this.#log.hasUnwritten) return undefined;
    const sequence = ++this.#sequence;
    const hardState = this.#hardStateDirty ? { term: this.#term, votedFor: this.#votedFor } : undefined;
    if (hardState) this.#hardStateSequence = sequence;
    this.#hardStateDirty = false;
    return { sequence, hardState, entries: this.#log.handOut(sequence) };
  }

  /** Promises leave with the batch that makes them true; without one, only if what they speak of is on disk. */
  #takePromises(persist: PersistBatch | undefined): readonly RaftMessage[] {
    if (!persist && !this.#isHardStateDurable()) return [];
    const promises = this.#promises;
    this.#promises = [];
    return promises;
  }

  #takeCommitted(): readonly Entry[] {
    if (this.#installing || this.#handed >= this.#commit) return NO_ENTRIES;
    const entries = this.#log.entries(this.#handed + 1, this.#commit, this.#config.applyBytesMax);
    assert(entries.length > 0, 'committed entries are there to be applied');
    this.#handed = entries.at(-1)!.index;
    if (this.#role === 'leader') {
      for (const entry of entries) {
        if (entry.term === this.#term) this.#uncommittedBytes -= entry.data.length;
      }
    }
    return entries;
  }

  /** A snapshot replaces the log only when nothing is being written to it. */
  #mayInstall(): boolean {
    return this.#installing !== undefined && !this.#installHanded && this.#log.isQuiet;
  }

  #takeInstall(): SnapshotMeta | undefined {
    if (!this.#mayInstall()) return undefined;
    this.#installHanded = true;
    return this.#installing;
  }

  #isHardStateDurable(): boolean {
    return !this.#hardStateDirty && this.#persistedSequence >= this.#hardStateSequence;
  }

  /** The batch of this sequence, and every earlier one, is durable. */
  persisted(sequence: number): void {
    assert(sequence <= this.#sequence, 'only what was handed out can be durable');
    if (sequence <= this.#persistedSequence) return;
    this.#persistedSequence = sequence;
    this.#log.persisted(sequence);
    if (this.#role === 'candidate' && this.#isHardStateDurable()) {
      this.#campaign!.count(this.id, true);
      this.#judgeCampaign();
    }
    this.#commitByQuorum();
  }

  /** The state machine has applied everything up to `index`. */
  applied(index: LogIndex): void {
    assert(index <= this.#handed, 'only what was handed out is applied');
    if (index > this.#applied) this.#applied = index;
  }

  #validate(): void {
    validate({
      id: this.id,
      role: this.role,
      term: this.#term,
      votedFor: this.#votedFor,
      leader: this.#leader,
      commitIndex: this.#commit,
      handedIndex: this.#handed,
      appliedIndex: this.#applied,
      log: this.#log,
      electorate: this.#electorate,
      replication: this.#replication,
      installing: this.#installing !== undefined,
    });
  }
}
