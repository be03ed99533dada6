import type {
  Clock,
  ClusterId,
  Incarnation,
  Logger,
  NodeId,
  Random,
  Transport,
  ValueCodec,
} from '@tutti/kernel';
import type { Elsewhere, MembershipStatus } from '../consensus.ts';
import type { LogStore } from '../storage/log-store.ts';
import type { QuiescenceOptions } from './quiescence.ts';
import type { SnapshotLimits } from './snapshot-limits.ts';

/**
 * The numbers of a replica. The defaults suit one machine room; for links slower than some 10 ms raise `tickMs`.
 * All of them are read once, when the replica is made.
 */
export interface ReplicaConfig {
  /** Length of a tick in milliseconds; everything timed below is counted in ticks. Default 50. */
  readonly tickMs?: number;
  /** Ticks between a leader's heartbeats. Default 1; fewer than `electionTicks`. */
  readonly heartbeatTicks?: number;
  /**
   * A follower campaigns after a random number of silent ticks from this up to twice this. Default 6, so 300 to
   * 600 ms. Keep it several times the heartbeat (Raft paper 5.6).
   */
  readonly electionTicks?: number;
  /**
   * Whether a node asks if it could win before it campaigns (Raft thesis 9.6). Default true: without it a node that
   * was cut off disturbs the others when it returns. Off, elections are one round trip shorter.
   */
  readonly preVote?: boolean;
  /**
   * How linearizable reads are confirmed. `quorum` (default): by a round of heartbeats, whatever clocks do (Raft thesis
   * 6.4). `lease`: without one while the leader's lease lasts (6.4.1), which is right only as long as no two nodes'
   * clocks differ in **rate** by more than `leaseDriftMax`; the hour they show never matters. A machine that is suspended
   * with its process has a clock of rate 0: have none with `lease`. A lease is as long as the least election timeout of a
   * majority allows, whatever the leader's own: nodes may differ in `electionTicks` and `tickMs`, and one that has no
   * leases lends itself to none. But a node that is given lower numbers, or no leases any more, stays stopped for its
   * former election timeout before it starts with them. With leases a node votes for nobody during the first election
   * timeout after its start.
   */
  readonly reads?: 'quorum' | 'lease';
  /**
   * By which part one node's clock may run faster than another's; a lease is shorter by as much. Default 0.1, far more
   * than the 0.0005 that a clock disciplined by NTP has at worst. At least 0, below 1.
   */
  readonly leaseDriftMax?: number;
  /**
   * Who is to be elected first: lower comes first, 0 (default) to 16. A node waits that many election timeouts longer
   * before it campaigns, so one with a higher number leads only if those before it do not run, or were left behind.
   * Who leads already is left alone.
   */
  readonly electionPriority?: number;
  /**
   * The most bytes of entries in one append message. Default 1 MiB. One and a half times as many must fit a message of the
   * transport, see `commandBytesMax`.
   */
  readonly appendBytesMax?: number;
  /**
   * The most append messages under way to one follower. Default 8; fewer, down to one, while it does not keep up, see
   * `FlightWindow`.
   */
  readonly inflightMessagesMax?: number;
  /**
   * The largest command, encoded. Default 1 MiB. Beyond it: `TUTTI_PROPOSAL_TOO_LARGE`. With half a MiB beside it, it must
   * fit a message of the transport, whose frames hold 4 MiB by default; otherwise the replica is refused when it is made.
   */
  readonly commandBytesMax?: number;
  /** Proposals of this node that may wait for their result. Default 16,384. Beyond it: `TUTTI_OVERLOADED`. */
  readonly pendingMax?: number;
  /** Entries that a leader lets stand unapplied, or not on its own disk, before it takes no more. Default 65,536. */
  readonly backlogMax?: number;
  /**
   * Bytes of entries that may wait for the leader's own disk before it takes no more; one command is taken in any case.
   * Default 64 MiB.
   */
  readonly backlogBytesMax?: number;
  /** Linearizable reads that may wait. Default 65,536. Beyond it: `TUTTI_OVERLOADED`. */
  readonly readsMax?: number;
  /** How long a command may take when the caller does not say. Default 10,000. */
  readonly timeoutMs?: number;
  /** After this long without a known leader, calls fail at once with `TUTTI_NO_LEADER`. Default 3,000. */
  readonly noLeaderMs?: number;
  /**
   * What this node does with commands, reads and changes of the membership while another leads, where the call does not
   * say: `forward` (default) takes them there, `refuse` answers `TUTTI_NOT_LEADER` at once, which names the leader.
   */
  readonly elsewhere?: Elsewhere;
  /** A forwarded proposal that has no result after this long is sent again. Default 1,000. */
  readonly resendMs?: number;
  /**
   * Something handed to the disk that has not come back after this long is taken for lost with its disk, and the replica
   * stops with `TUTTI_STORE_HUNG`, so that whoever runs it can start it elsewhere. Long before, after `electionTicks`,
   * a node whose disk lets it wait leads no more, and goes on by itself when the disk does. Counted in ticks, so a stall
   * of this node's own loop does not count. `stop` waits for a disk at most this long, and at most 10,000. Default
   * 60,000.
   */
  readonly flushTimeoutMs?: number;
  /**
   * What to do when the store is found to be damaged. `peers`, the default: take no part until what is lost has been
   * fetched from them. `refuse`: do not start, with `TUTTI_STORE_CORRUPT`, and let a person look.
   */
  readonly repair?: 'peers' | 'refuse';
  /**
   * After this long without progress, though every other voter has answered, a damaged store is beyond repair, and the
   * replica stops with `TUTTI_STORE_BEYOND_REPAIR`. Voters that are silent are waited for. Default 60,000.
   */
  readonly repairGiveUpMs?: number;
  /**
   * Bytes of the log and the snapshot that are read again per second while a replica runs, so that what decays on the
   * disk is found and put right while other nodes still have it. Reads wait while a write is under way. Default 256 KiB; 0
   * for never. One read is of 64 KiB, or of one record that is larger.
   */
  readonly scrubBytesPerSecond?: number;
  /**
   * Of these, the bytes per second that are read beside writes where there always is one under way, so that a busy store
   * is read through as well. Default 64 KiB, which is a GiB in less than five hours; 0 to let every write come first.
   */
  readonly scrubBytesPerSecondMin?: number;
  /** All that is stored is read again no more often than this. Default 3,600,000, an hour. */
  readonly scrubEveryMs?: number;
  /** Client sessions the cluster remembers; the least recently used one is forgotten. Default 4,096. */
  readonly sessionsMax?: number;
  /**
   * A snapshot is taken at every index that this divides. Default 10,000. Nodes take theirs at the same entries, so that a
   * transfer can go on from another node; for the exceptions see `SnapshotSchedule`.
   */
  readonly snapshotEntries?: number;
  /** ... and whenever so many more bytes of entries were applied, whichever comes first. Default 16 MiB. */
  readonly snapshotBytes?: number;
  /**
   * A state larger than `snapshotBytes` is written again only when the log has grown by this share of it. Default 1, so
   * that writing snapshots costs no more than writing the log does, and a restart reads no more log than state (thesis
   * 5.1.2: the expansion factor).
   */
  readonly snapshotGrowth?: number;
  /** Entries kept behind a snapshot, so that a follower slightly behind needs no snapshot. Default 2,000. */
  readonly trailingEntries?: number;
  /**
   * Bytes of one snapshot chunk, on the wire and when one is written and read. Default 256 KiB. It must fit a message
   * of the transport, see `commandBytesMax`.
   */
  readonly snapshotChunkBytes?: number;
  /** Milliseconds of writing or reading a snapshot after which the loop is given back. Default 2. */
  readonly snapshotBudgetMs?: number;
  /** Bytes of a snapshot that may be under way to one follower. Default 1 MiB; at least one chunk is. */
  readonly snapshotWindowBytes?: number;
  /** Bytes of snapshots that this node sends per second, to all followers together. Default 64 MiB. */
  readonly snapshotBytesPerSecond?: number;
  /** Snapshots that are sent at once; further followers wait. Default 4. */
  readonly snapshotsOutgoingMax?: number;
  /**
   * Bytes of entries that may be applied during one transfer, and are kept for its receiver. Beyond it the transfer is
   * begun anew with a newer snapshot, and for that follower the bound doubles, up to eight times its size. Default 256 MiB.
   */
  readonly snapshotLogBytesMax?: number;
  /** Entries applied in one turn of the event loop at most. Default 512. */
  readonly applyBatchMax?: number;
  /** Milliseconds of applying after which the loop is given back. Default 8. */
  readonly applyBudgetMs?: number;
}

/** Everything a replica is made of. It brings nothing of its own: no clock, no chance, no disk, no network. */
export interface ReplicaOptions {
  readonly clusterId: ClusterId;
  readonly nodeId: NodeId;
  /**
   * Which life of this node this is; must grow with every start, or peers' transports turn it away. What a replica names
   * its sessions, changes and reads by does not rest on it.
   */
  readonly incarnation: Incarnation;
  /**
   * The nodes that vote when the group begins, the same on every node that begins it; an odd number is best. Once the
   * log holds a configuration this is not looked at any more. Empty for a node that is to be added to a group that
   * exists: it votes for nobody and waits until a leader sends it the log.
   */
  readonly voters: readonly NodeId[];
  /** Nodes that receive and apply everything but do not vote, when the group begins. Default none. */
  readonly learners?: readonly NodeId[];
  readonly clock: Clock;
  /** `systemRandom()` in a program, a seed in a simulation. */
  readonly random: Random;
  readonly logger?: Logger;
  /** Opened and closed by whoever made it. The replica takes `CHANNEL.consensus`. */
  readonly transport: Transport;
  /** Opened by `start`, closed by `stop`. */
  readonly store: LogStore;
  /** How commands and snapshots become bytes; the same on every node. Default `jsonCodec`. */
  readonly codec?: ValueCodec;
  readonly config?: ReplicaConfig;
  /** Bounds on snapshots that travel, where several replicas of a process share them. Default its own. */
  readonly snapshotLimits?: SnapshotLimits;
  /**
   * Told of every configuration that this node begins to go by, of each once more when it is committed, and of one that
   * is in force again because the later was truncated. For whoever keeps links: a leader can only replicate to a new
   * member that it has a link to.
   */
  readonly onMembership?: (membership: MembershipStatus) => void;
  /** Lets the replica go quiet when it has nothing to do; only where somebody else watches the nodes. Default never. */
  readonly quiescence?: QuiescenceOptions;
  /** Told once if the replica stops because it cannot go on: a failed disk, or a module that threw. */
  readonly onFailStop?: (failure: Error) => void;
}

/** The defaults of {@link ReplicaConfig}. */
export const REPLICA_DEFAULTS: Required<ReplicaConfig> = {
  tickMs: 50,
  heartbeatTicks: 1,
  electionTicks: 6,
  preVote: true,
  reads: 'quorum',
  leaseDriftMax: 0.1,
  electionPriority: 0,
  appendBytesMax: 2 ** 20,
  inflightMessagesMax: 8,
  commandBytesMax: 2 ** 20,
  pendingMax: 16_384,
  backlogMax: 65_536,
  backlogBytesMax: 64 * 2 ** 20,
  readsMax: 65_536,
  timeoutMs: 10_000,
  noLeaderMs: 3_000,
  elsewhere: 'forward',
  resendMs: 1_000,
  flushTimeoutMs: 60_000,
  repair: 'peers',
  repairGiveUpMs: 60_000,
  scrubBytesPerSecond: 256 * 1024,
  scrubBytesPerSecondMin: 64 * 1024,
  scrubEveryMs: 3_600_000,
  sessionsMax: 4_096,
  snapshotEntries: 10_000,
  snapshotBytes: 16 * 2 ** 20,
  trailingEntries: 2_000,
  snapshotGrowth: 1,
  snapshotChunkBytes: 256 * 1024,
  snapshotBudgetMs: 2,
  snapshotWindowBytes: 2 ** 20,
  snapshotBytesPerSecond: 64 * 2 ** 20,
  snapshotsOutgoingMax: 4,
  snapshotLogBytesMax: 256 * 2 ** 20,
  applyBatchMax: 512,
  applyBudgetMs: 8,
};
