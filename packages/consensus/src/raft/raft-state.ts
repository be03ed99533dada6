import { assert, type LogIndex, logIndex, type NodeId, type Random, type Term } from '@tutti/kernel';
import { Applying } from './applying.ts';
import type { Campaign } from './campaign.ts';
import { CatchUp } from './catch-up.ts';
import { type RaftConfig, raftConfig } from './config.ts';
import type { Electorate } from './electorate.ts';
import { ForwardedReads } from './forwarded-reads.ts';
import { Lease } from './lease.ts';
import { LogView } from './log-view.ts';
import type { InstallSnapshot, RaftMessage, SnapshotMeta } from './messages.ts';
import type { RaftNodeOptions, RaftRole } from './raft-node-options.ts';
import { ReadRounds } from './read-rounds.ts';
import type { ReadState } from './ready.ts';
import type { DroppedChange, StagedChange } from './reconfiguring.ts';
import type { Replication } from './replication.ts';
import type { Transfer, TransferLoss } from './transfer.ts';

/** Hand-outs of full size that the state machine may be behind. */
const APPLYING_BATCHES = 4;

/** What a core does at present; whether it may vote is the electorate's matter. */
export type ActiveRole = Exclude<RaftRole, 'learner'>;

/**
 * The state of one core. The rules that change it are plain functions in the files beside this one, by
 * responsibility; nothing outside this folder sees it.
 */
export class RaftState {
  readonly id: NodeId;
  readonly config: RaftConfig;
  readonly random: Random;
  readonly now: () => number;
  readonly log: LogView;

  // Figure 2, persistent state, and how much of it is on disk.
  term: Term;
  votedFor: NodeId | undefined;
  hardStateDirty = false;
  /** The batch that carried the newest hard state. */
  hardStateSequence = 0;
  /** The newest batch that was handed out. */
  sequence = 0;
  persistedSequence = 0;

  // Volatile state of every role.
  role: ActiveRole = 'follower';
  leader: NodeId | undefined;
  commitIndex: LogIndex;
  /** The last committed entry that has been handed out for applying. */
  handedIndex: LogIndex;
  appliedIndex: LogIndex;
  readonly applying: Applying;
  /** Set while what is to be handed out next has decayed on the disk: since when, and when that was last looked at. */
  unreadable: { readonly sinceTick: number; readonly atTick: number } | undefined;
  ticks = 0;
  electionElapsedTicks = 0;
  /** When a leader was last heard, by `ticks`; at the start that may just have been. */
  heardAtTick = 0;
  electionTimeoutTicks = 0;
  /** Whether this node lets those of a lower priority number campaign first. */
  yields = true;
  heartbeatElapsedTicks = 0;

  // Follower: how far the log is known to equal the leader's, and whether the leader waits to hear it.
  verifiedIndex: LogIndex;
  ackDue = false;
  ackedIndex: LogIndex = logIndex(0);
  ackedSinceHeartbeat = false;
  /** The snapshot that is replacing state machine and log. */
  installing: SnapshotMeta | undefined;
  installHanded = false;

  /** False while this node's disk could not bear a leader. */
  bearsLeading = true;

  // Candidate, then leader.
  campaign: Campaign | undefined;
  /** Pre-votes of this life. */
  preVotes = 0;
  replication: Replication | undefined;
  replicationDue = false;
  uncommittedBytes = 0;
  transfer: Transfer | undefined;
  /** How the last transfer of this term ended, if that was before its time. */
  transferLoss: TransferLoss | undefined;
  staged: StagedChange | undefined;
  /** The last one of this term that was given up. */
  droppedChange: DroppedChange | undefined;
  catchUp: CatchUp;
  lease: Lease;
  rounds: ReadRounds;
  readonly forwarded: ForwardedReads;

  // Outputs that gather until the next Ready.
  messages: RaftMessage[] = [];
  /** Messages that must not leave before the hard state they speak of is on disk. */
  promises: RaftMessage[] = [];
  reads: ReadState[] = [];
  lostReads: number[] = [];
  snapshotChunks: InstallSnapshot[] = [];

  constructor(options: RaftNodeOptions) {
    this.id = options.id;
    this.config = raftConfig(options.config);
    this.random = options.random;
    this.now = options.now ?? (() => Number.NaN);
    this.lease = new Lease(this.config.leaseMs, this.now);
    this.log = new LogView(options.log, options.membership);
    this.term = options.hardState.term;
    this.votedFor = options.hardState.votedFor;
    const snapshotIndex = options.log.snapshot()?.meta.index ?? logIndex(0);
    this.appliedIndex = options.appliedIndex ?? snapshotIndex;
    assert(this.appliedIndex >= snapshotIndex, 'a state machine starts from the snapshot or later');
    this.handedIndex = this.appliedIndex;
    this.commitIndex = this.appliedIndex;
    this.verifiedIndex = this.commitIndex;
    this.catchUp = new CatchUp(this.config.electionTimeoutTicks);
    this.applying = new Applying(APPLYING_BATCHES * this.config.applyBytesMax);
    this.rounds = new ReadRounds(this.config.readsMax);
    this.forwarded = new ForwardedReads(this.random, options.life ?? 0, this.config.readsMax);
  }

  /** By the latest configuration in the log, committed or not (paper 6). */
  get electorate(): Electorate {
    return this.log.configurations.latest.electorate;
  }

  /** Whether nobody else votes: by the latest configuration, and by the latest that is known to be committed. */
  get isOnlyVoter(): boolean {
    return this.#votesAlone(this.electorate) && this.#votesAlone(this.#committedElectorate);
  }

  /**
   * Whether this node may lead, whatever its disk is like where no other could: by either of those configurations,
   * since the latest may not have come to anybody else, and the one before it may be over.
   */
  get mayLead(): boolean {
    const isAlone = () => this.#votesAlone(this.electorate) || this.#votesAlone(this.#committedElectorate);
    return this.bearsLeading || isAlone();
  }

  get #committedElectorate(): Electorate {
    return this.log.configurations.at(this.commitIndex).electorate;
  }

  #votesAlone(electorate: Electorate): boolean {
    return electorate.isKnown && [...electorate.voters].every((voter) => voter === this.id);
  }

  /** Until an entry of its own term is committed, a leader does not know how far its predecessors had committed. */
  get hasCommittedInTerm(): boolean {
    return this.log.termAt(this.commitIndex) === this.term;
  }

  /** Whether term and vote, as they are now, are on disk. */
  get isHardStateDurable(): boolean {
    return !this.hardStateDirty && this.persistedSequence >= this.hardStateSequence;
  }

  /** Raises the commit index; it never falls. */
  commitTo(index: number): void {
    if (index <= this.commitIndex) return;
    assert(index <= this.log.lastIndex, 'what is committed is in the log');
    this.commitIndex = logIndex(index);
  }
}
