import type { LogIndex, NodeId, Term } from '@tutti/kernel';

/** What an entry holds: a command for the state machine, the no-op of a new leader's term, or a configuration. */
export type EntryKind = 'command' | 'noop' | 'membership';

/**
 * One entry of the log. `data` is encoded once, by the proposer's replica, and is the same bytes on every disk and
 * wire. Entries are never changed after they are made.
 */
export interface Entry {
  readonly index: LogIndex;
  readonly term: Term;
  readonly kind: EntryKind;
  readonly data: Uint8Array;
}

/**
 * Who votes and who only listens: one configuration of the group. It is changed through entries of its own kind, see
 * `configurations.ts`. A node whose log has none yet, `voters` being empty, votes for nobody and never campaigns.
 */
export interface Membership {
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
  /** Only while joint: the voters of the configuration that is being left (C_old); `voters` are those of C_new. */
  readonly outgoing?: readonly NodeId[];
  /** Learners that become voters without being asked for again, as soon as they have caught up. */
  readonly promotable?: readonly NodeId[];
  /** Where members are reached: opaque text for whoever keeps the links. */
  readonly contacts?: Readonly<Record<string, string>>;
  /** The ids of the latest requests that have been carried out, so that a repeated one is recognised. */
  readonly changes?: readonly string[];
}

/** What must be on disk before a vote is answered (Raft figure 2, "persistent state"). */
export interface HardState {
  readonly term: Term;
  readonly votedFor: NodeId | undefined;
}

/** A snapshot, without its contents. */
export interface SnapshotMeta {
  readonly index: LogIndex;
  readonly term: Term;
  readonly membership: Membership;
}

interface Addressed {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: Term;
}

/** Asks for a vote, or with `pre` whether one would be given (Raft thesis 9.6). */
export interface RequestVote extends Addressed {
  readonly type: 'requestVote';
  readonly pre: boolean;
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
  /** The leader asked for this election, so voters need not protect it (Raft thesis 3.10, 4.2.3). */
  readonly transfer: boolean;
  /** Of a pre-vote: which of the sender's, since several may ask about one term. A node of an earlier version says none. */
  readonly attempt?: number;
}

export interface VoteReply extends Addressed {
  readonly type: 'voteReply';
  readonly pre: boolean;
  /** The term that was asked for: a reply for another campaign does not count. */
  readonly campaignTerm: Term;
  readonly granted: boolean;
  /** That of the question. */
  readonly attempt?: number;
}

/** Replicates entries after `prevIndex`; with none of them it verifies the prefix and carries the commit index. */
export interface AppendEntries extends Addressed {
  readonly type: 'appendEntries';
  readonly prevIndex: LogIndex;
  readonly prevTerm: Term;
  readonly entries: readonly Entry[];
  readonly commitIndex: LogIndex;
}

export interface AppendReply extends Addressed {
  readonly type: 'appendReply';
  readonly success: boolean;
  /** On success: the last index that is known to match the leader's log and is on this follower's disk. */
  readonly matchIndex: LogIndex;
  /** On refusal: where the leader should try next, found by term (Raft paper 5.3, last paragraphs). */
  readonly hintIndex: LogIndex;
  readonly hintTerm: Term;
  /** On refusal: the prevIndex that was refused, so that a late reply is told from a current one. */
  readonly rejectedIndex: LogIndex;
}

/** Keeps followers quiet and confirms leadership for reads; never waits behind entries. */
export interface Heartbeat extends Addressed {
  readonly type: 'heartbeat';
  readonly commitIndex: LogIndex;
  /** The read round this heartbeat confirms; unique per leader term, 0 for none. */
  readonly readRound: number;
}

export interface HeartbeatReply extends Addressed {
  readonly type: 'heartbeatReply';
  readonly readRound: number;
  /** Lets the leader notice a follower that lacks entries while nothing is being proposed. */
  readonly lastIndex: LogIndex;
  /**
   * For how many milliseconds from hearing the heartbeat this node votes for nobody else, as a leader's lease may count on
   * it: the lease that its own numbers allow, 0 where those allow none. A node of an earlier version does not say.
   */
  readonly silentMs?: number;
}

/** A leader's word to the node that is to lead after it: campaign now (Raft thesis 3.10). */
export interface TimeoutNow extends Addressed {
  readonly type: 'timeoutNow';
}

/** A follower's or learner's question: which index must I have applied to answer a linearizable read? */
export interface ReadIndexRequest extends Addressed {
  readonly type: 'readIndex';
  readonly requestId: number;
}

export interface ReadIndexReply extends Addressed {
  readonly type: 'readIndexReply';
  readonly requestId: number;
  /** Undefined: this node cannot say now (no leader, or no commit in its term yet); ask again. */
  readonly readIndex: LogIndex | undefined;
}

/** One chunk of a snapshot (Raft figure 13). */
export interface InstallSnapshot extends Addressed {
  readonly type: 'installSnapshot';
  readonly meta: SnapshotMeta;
  readonly offset: number;
  readonly totalBytes: number;
  readonly data: Uint8Array;
  /** CRC-32C of `data`; a chunk that was damaged on its way is not kept. */
  readonly dataChecksum: number;
  /** CRC-32C of the whole snapshot; checked when the last chunk is in. */
  readonly checksum: number;
}

export interface InstallSnapshotReply extends Addressed {
  readonly type: 'installSnapshotReply';
  readonly index: LogIndex;
  /** Bytes held without a gap: where the leader sends from next. */
  readonly receivedBytes: number;
  readonly installed: boolean;
  /** The receiver has no place for it yet, or is putting it in place: to be asked again, and not to be given up. */
  readonly later: boolean;
  /** The whole of it had come, and is not what was announced. A node of an earlier version does not say. */
  readonly damaged?: boolean;
}

export type RaftMessage =
  | RequestVote
  | VoteReply
  | AppendEntries
  | AppendReply
  | Heartbeat
  | HeartbeatReply
  | TimeoutNow
  | ReadIndexRequest
  | ReadIndexReply
  | InstallSnapshot
  | InstallSnapshotReply;
