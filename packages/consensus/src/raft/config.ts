import { assert } from '@tutti/kernel';

/** The limits and timings of a Raft core. All of them take effect when the core is made. */
export interface RaftConfig {
  /**
   * Ticks without a leader before a follower campaigns; the actual wait is drawn from [T, 2T) each time (Raft paper
   * 5.2). Default 10; must exceed `heartbeatTicks`. Choose T so that T ticks are well above one round trip.
   */
  readonly electionTimeoutTicks: number;
  /** Ticks between heartbeats; default 2, at least 1. */
  readonly heartbeatTicks: number;
  /**
   * Asks whether an election could be won before the term is raised (Raft thesis 9.6); default true. A node that is out
   * of its own newest configuration asks in any case.
   */
  readonly preVote: boolean;
  /**
   * Election priority, lower first, 0 (default) to 16: this node waits so many election timeouts longer before it
   * campaigns. Whoever waits still campaigns in the end: with all before it dead, the group is led later, not never.
   */
  readonly electionPriority: number;
  /**
   * How long reads may be answered without a round of heartbeats, in milliseconds on this node's monotonic clock, from
   * the sending of a heartbeat that a quorum answered; 0 (default): never. It is also what this node says as a voter that
   * others' leases may count on: one without keeps no silence after its start, so it lends itself to none. See the
   * function `leaseMs` in `lease.ts`.
   */
  readonly leaseMs: number;
  /** A leader that hears no majority for one election timeout steps down (Raft thesis 6.2); default true. */
  readonly checkQuorum: boolean;
  /** The most entry bytes in one AppendEntries; a single larger entry still travels alone. Default 256 KiB. */
  readonly appendBytesMax: number;
  /** AppendEntries under way to one peer without an answer; default 64, fewer while it does not keep up, see `FlightWindow`. */
  readonly inflightMessagesMax: number;
  /** Entry bytes under way to one peer without an answer; default 4 MiB. Fewer when there may be fewer messages. */
  readonly inflightBytesMax: number;
  /** Proposed bytes that are not committed yet; beyond it proposals are refused. Default 16 MiB. */
  readonly uncommittedBytesMax: number;
  /** The largest proposal; default 1 MiB. */
  readonly proposalBytesMax: number;
  /** The most entry bytes that one Ready hands out for applying, of four such that may wait; default 4 MiB. */
  readonly applyBytesMax: number;
  /** Reads that may wait for a confirmation at once, on each node; default 65,536. */
  readonly readsMax: number;
}

const KIB = 1024;

/** What a core uses where nothing else is given. */
export const RAFT_DEFAULTS: RaftConfig = {
  electionTimeoutTicks: 10,
  heartbeatTicks: 2,
  preVote: true,
  electionPriority: 0,
  leaseMs: 0,
  checkQuorum: true,
  appendBytesMax: 256 * KIB,
  inflightMessagesMax: 64,
  inflightBytesMax: 4 * KIB * KIB,
  uncommittedBytesMax: 16 * KIB * KIB,
  proposalBytesMax: KIB * KIB,
  applyBytesMax: 4 * KIB * KIB,
  readsMax: 65_536,
};

/** Fills in the defaults and asserts that the parts fit each other. */
export function raftConfig(given: Partial<RaftConfig> = {}): RaftConfig {
  const config = { ...RAFT_DEFAULTS, ...given };
  assert(config.heartbeatTicks >= 1, 'a heartbeat takes at least one tick');
  assert(
    config.electionTimeoutTicks > config.heartbeatTicks,
    'followers wait for more than one heartbeat before they campaign',
  );
  const { electionPriority } = config;
  assert(Number.isInteger(electionPriority), 'a priority is a whole number');
  assert(electionPriority >= 0 && electionPriority <= 16, 'a priority is from 0 to 16');
  assert(
    config.leaseMs === 0 || (config.leaseMs > 0 && config.checkQuorum),
    'a lease rests on voters that protect their leader',
  );
  assert(config.inflightMessagesMax >= 1, 'a window holds at least one message');
  assert(config.appendBytesMax >= 1 && config.inflightBytesMax >= 1, 'windows have room');
  assert(config.proposalBytesMax <= config.uncommittedBytesMax, 'the largest proposal can be taken in');
  return config;
}
