import type { LogIndex, NodeId, Term, WireValue } from '@tutti/kernel';

/** What an entry of the log tells the module that applies it. The only time a module may know is `timeMs`. */
export interface ApplyContext {
  /** The entry's place; grows by at least one from call to call. */
  readonly index: LogIndex;
  /** Wall time that the leader stamped on the entry, in milliseconds since 1970; never goes back along the log. */
  readonly timeMs: number;
}

/**
 * A named part of the replicated state. Every voter holds one instance and applies the same commands in the same
 * order, so `apply` must be a pure function of state, command and context: no clock, no chance, no I/O.
 */
export interface ReplicatedModule {
  /** Unique within the log; it is written into every entry, so it cannot be changed later. */
  readonly name: string;
  /**
   * Changes the state and returns the command's result. To refuse a command, throw a TuttiError before anything is
   * changed: the refusal is then its result on every node. Throwing anything else stops the node.
   * The result is kept for repeats of the command and goes into snapshots, so it must not be changed afterwards.
   */
  apply(command: WireValue, context: ApplyContext): WireValue;
  /**
   * The whole state as a run of values, none larger than some 64 KiB when encoded. Called between two applies; it
   * must capture the state at once (later applies must not show), but may build the values lazily. The first value
   * is asked for at once, so a generator captures what it copies before its first `yield`.
   *
   * The parts are asked for a few milliseconds' worth at a time, with applies between them. What takes long at once is
   * capturing: a state of many keys belongs in a `SnapshotableMap`, whose capture costs nothing. The parts of equal
   * states should be equal: a transfer then goes on from another node where the first one left it.
   */
  snapshot(): Iterable<WireValue>;
  /** Replaces the whole state by what `snapshot` gave, on this node or another. */
  restore(parts: Iterable<WireValue>): void;
  /**
   * Begins to replace the whole state part by part, so that a large one is never in memory twice as parts and as
   * state, nor holds the loop up. Without it the parts are gathered and given to `restore` at once.
   */
  restorer?(): ModuleRestorer;
}

/** Takes a module's snapshot in. It may be dropped before `finish`; the module's state is then as it was. */
export interface ModuleRestorer {
  /** The next part. Nothing of it may show yet: between two parts the module is read. */
  add(part: WireValue): void;
  /** Every part was given: shows the new state in the place of the old one, at once. */
  finish(): void;
}

/** How to propose. */
export interface ProposeOptions {
  /** Gives up after this long; default 10,000. The command may then still take effect: `TUTTI_OUTCOME_UNKNOWN`. */
  readonly timeoutMs?: number;
  /**
   * Calls it off. What was not sent yet has not happened: `TUTTI_ABORTED`. What was sent may still take effect:
   * `TUTTI_OUTCOME_UNKNOWN`, whose cause is the other.
   */
  readonly signal?: AbortSignal;
  /**
   * What a node that does not lead does with the call: `forward` it to the leader, or `refuse` it at once with
   * `TUTTI_NOT_LEADER`, which names the leader if one is known. For callers that find the leader themselves and want no
   * hop between. Default as the replica was made, and that is `forward`.
   */
  readonly elsewhere?: Elsewhere;
}

/** What becomes of a call at a node that does not lead, see {@link ProposeOptions}. */
export type Elsewhere = 'forward' | 'refuse';

/** `repairing`: its log store was damaged, and it takes no part until peers have made up for that. */
export type ReplicaRole = 'follower' | 'candidate' | 'leader' | 'learner' | 'repairing' | 'stopped';

/**
 * What a node is in its group: `leaving` while a configuration without it is not known to be committed, `removed` once
 * it is, `none` while it knows of no configuration, as a new node that waits to be added.
 */
export type Standing = 'voter' | 'learner' | 'leaving' | 'removed' | 'none';

/** The configuration that a replica goes by: the latest in its log, committed or not (Raft paper 6). */
export interface MembershipStatus {
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
  /** The voters that are being left, while the configuration is joint; empty otherwise. */
  readonly outgoing: readonly NodeId[];
  /** Learners that will vote as soon as they have caught up. */
  readonly promotable: readonly NodeId[];
  /** Where members are reached, as it was given when they were added. */
  readonly contacts: Readonly<Record<string, string>>;
  /** The entry that holds it; 0, or a snapshot's index, when it came without one. */
  readonly index: LogIndex;
  /** While joint, a majority of `voters` and one of `outgoing` must agree. */
  readonly isJoint: boolean;
  readonly isCommitted: boolean;
  /** What this node is by it. */
  readonly standing: Standing;
}

/** What one replica believes now. Soft state: by the time it is read it may have changed. */
export interface ConsensusStatus {
  readonly nodeId: NodeId;
  readonly role: ReplicaRole;
  readonly term: Term;
  /** The leader of `term`, once this replica has heard of it. */
  readonly leader: NodeId | undefined;
  readonly commitIndex: LogIndex;
  readonly appliedIndex: LogIndex;
  readonly lastIndex: LogIndex;
  readonly voters: readonly NodeId[];
  readonly membership: MembershipStatus;
  /** The entry up to which the log is replaced by a snapshot; 0 when there is none. */
  readonly snapshotIndex: LogIndex;
}

/** Follows one module on this node. Called after the state has changed, in log order, never inside `apply`. */
export interface ModuleWatcher {
  /** `outcome` is what `apply` returned, or the TuttiError it threw. */
  applied?(command: WireValue, outcome: unknown, context: ApplyContext): void;
  /** The state was replaced as a whole by a snapshot; what changed is not known. */
  restored?(index: LogIndex): void;
}

/**
 * Agreement, as everything above sees it: commands go in, one order comes out, on every node. Raft is behind it, and so
 * could be another protocol or a store outside. Propose and read may be called on any node; they find the leader.
 */
export interface Consensus {
  readonly nodeId: NodeId;
  /**
   * Adds a module; only before {@link start}. Every node of the group has it before anything is proposed to it anywhere,
   * and goes on having it: one without it stops at the first command for it.
   * @throws TuttiError `TUTTI_MODULE_DUPLICATE`
   */
  register(module: ReplicatedModule): void;
  /**
   * Restores the state from disk and joins the others. Resolves when this replica serves, leader or not.
   * @throws TuttiError `TUTTI_STORE_*`; `TUTTI_CLOSED` when it is stopped before that
   */
  start(): Promise<void>;
  /**
   * Has a command ordered and applied once, however often it is retried inside, and returns its result.
   * @throws TuttiError `TUTTI_OUTCOME_UNKNOWN` when it was sent and may take effect: its time was up, it was called off,
   * or this replica stopped. `TUTTI_SESSION_EXPIRED`, when it may have. What the module refused with, on every node alike.
   * Nothing happened, and never will, with `TUTTI_NO_LEADER`, `TUTTI_NOT_LEADER`, `TUTTI_PROPOSAL_TOO_LARGE`,
   * `TUTTI_OVERLOADED`, `TUTTI_MODULE_UNKNOWN`, `TUTTI_STORE_FULL`, `TUTTI_STORE_REPAIRING`, `TUTTI_ABORTED` and
   * `TUTTI_CLOSED`.
   */
  propose(module: string, command: WireValue, options?: ProposeOptions): Promise<WireValue>;
  /**
   * A linearizable read: when it resolves, the local modules show every command that had been acknowledged anywhere
   * before it was called. Raft thesis 6.4.
   */
  readBarrier(options?: ProposeOptions): Promise<LogIndex>;
  /**
   * Hands leadership to `target`, or to the voter that is furthest, and resolves with who leads then. Only the leader
   * can. Raft thesis 3.10.
   * @throws TuttiError `TUTTI_NOT_LEADER`, `TUTTI_LEADERSHIP_MOVING`, `TUTTI_TRANSFER_UNKNOWN`,
   * `TUTTI_TRANSFER_NOT_VOTER`, `TUTTI_TRANSFER_NEEDLESS`, `TUTTI_TRANSFER_TIMEOUT`,
   * `TUTTI_TRANSFER_TARGET_LOST`, `TUTTI_CLOSED`
   */
  transferLeadership(target?: NodeId): Promise<NodeId>;
  status(): ConsensusStatus;
  /** Calls back on each change of role, term or leader; returns the function that ends it. */
  onStatus(listener: (status: ConsensusStatus) => void): () => void;
  /** Follows a module's changes on this node; returns the function that ends it. */
  watch(module: string, watcher: ModuleWatcher): () => void;
  /** Stops taking part. Durable state stays. Idempotent. */
  stop(): Promise<void>;
}
