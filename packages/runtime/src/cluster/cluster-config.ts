import { TuttiError } from '@tutti/kernel';

/** What tunes a cluster of actors. Every time is in milliseconds on the node's own monotonic clock. */
export interface ClusterConfig {
  /** Virtual shards that the keys of all entity kinds are spread over; default 256, from 1 to 16,384. Never changes. */
  readonly shards: number;
  /** How long one proof of contact with a quorum lets entities act; default 300. */
  readonly leaseMs: number;
  /** How often a node that owns shards renews that proof; default 100. */
  readonly leaseRenewMs: number;
  /** How long the coordinator waits after a member was marked lost before it gives its shards away; default 330. */
  readonly takeoverWaitMs: number;
  /** How often each node probes each other; default 100. */
  readonly probeIntervalMs: number;
  /** Silence after which two others are asked about a node; default 600. */
  readonly silenceMs: number;
  /** How long those two have to answer; default 300. Then the node is suspected. */
  readonly indirectMs: number;
  /** How long a broken link may take to come back before its node is suspected; default 250. */
  readonly linkDownGraceMs: number;
  /** Suspected after this long without direct contact, whatever others say; default 5,000. */
  readonly unreachableMs: number;
  /** Most shards that are being handed over at one time; default 32. */
  readonly movesMax: number;
  /**
   * How long the owner of a shard still takes messages, when it has been asked to hand over, for nodes of the version
   * before; default 10. All others say when they send it nothing more, and are waited for: 250 at most, which only one
   * that stalls, or is very far, needs. What comes later than that may be handled behind what its sender sent since.
   */
  readonly settleMs: number;
  /**
   * How long the owner of a shard waits in a hand-over for its entities to handle what is in their mailboxes; default
   * 10,000. Then each ends with the turn that it is in, within 1,000 more or in the middle of it, and the next owner gets
   * what is left. A node that leaves waits for no more than half of what is left of its `drainMs`. What senders keep for
   * the shard meanwhile waits for `bufferMs` at most, which is to outlast this.
   */
  readonly handOverMs: number;
  /** Entities that a node starts by itself in a second: remembered ones, and those whose timers are due; default 1,000. */
  readonly startsPerSecond: number;
  /** This node's share of the shards, beside a node of 1; default 1, from 0.01 to 100. */
  readonly weight: number;
  /** Messages one node keeps for shards that have no reachable owner; default 10,000. More are dead letters. */
  readonly bufferMax: number;
  /**
   * How long such a message waits before it is a dead letter; default 5,000 more than {@link handOverMs}. Less than that
   * may give up what was sent while a shard moves just before the move is through.
   */
  readonly bufferMs: number;
  /** How often one message may be passed on; default 4. */
  readonly hopsMax: number;
  /**
   * Asks to other nodes, and watches and subscriptions of their actors; default 100,000 of each of the two. More are
   * refused with `TUTTI_OVERLOADED`. As many watches and subscriptions of its own actors a node keeps for others; more
   * wait there, asked for anew every second.
   */
  readonly remoteTableMax: number;
  /** The least time between two snapshots sent to a remote subscriber; default 50. */
  readonly subscribeIntervalMs: number;
  /**
   * How long a stop waits for its shards to be taken over, and then for the answers to asks of other nodes that it has
   * passed on, or that wait for their new owner; default 5,000. Nodes that are not linked are not waited for.
   */
  readonly drainMs: number;
  /** How long each task of a phase of a stop may take before the stop goes on without it; default 10,000. */
  readonly phaseMs: number;
}

const DEFAULTS: Omit<ClusterConfig, 'bufferMs'> = {
  shards: 256,
  leaseMs: 300,
  leaseRenewMs: 100,
  takeoverWaitMs: 330,
  probeIntervalMs: 100,
  silenceMs: 600,
  indirectMs: 300,
  linkDownGraceMs: 250,
  unreachableMs: 5_000,
  movesMax: 32,
  settleMs: 10,
  handOverMs: 10_000,
  startsPerSecond: 1_000,
  weight: 1,
  bufferMax: 10_000,
  hopsMax: 4,
  remoteTableMax: 100_000,
  subscribeIntervalMs: 50,
  drainMs: 5_000,
  phaseMs: 10_000,
};

/**
 * What a hand-over may take beside `handOverMs`: until its senders are settled, for its last turn and for the receipt of
 * its mail, 2,250 together, and then until the log says so, which may first have to find a leader.
 */
const BEYOND_HAND_OVER_MS = 5_000;

/** How much faster one node's clock may run than another's: 1 part in 20, far beyond what crystals do. */
export const CLOCK_DRIFT_MAX = 0.05;

/**
 * Fills in the defaults and checks what must hold of the numbers.
 * @throws TuttiError `TUTTI_CONFIG_INVALID`
 */
export function clusterConfig(given: Partial<ClusterConfig> = {}): ClusterConfig {
  const { handOverMs = DEFAULTS.handOverMs } = given;
  const defaults: ClusterConfig = { ...DEFAULTS, bufferMs: handOverMs + BEYOND_HAND_OVER_MS };
  const config = { ...defaults, ...given };
  for (const key of Object.keys(defaults) as (keyof ClusterConfig)[])
    if (!Number.isFinite(config[key]) || config[key] <= 0) refuse(config, key, 'it is not a number above 0');
  if (!Number.isInteger(config.shards) || config.shards > 16_384)
    refuse(config, 'shards', 'it is not a whole number from 1 to 16,384');
  if (config.weight < 0.01 || config.weight > 100) refuse(config, 'weight', 'it is not from 0.01 to 100');
  // A lease counts from the start of the read barrier that proved contact. A barrier that starts after `lost` was
  // committed shows `lost`, so the last barrier of a node that does not know it is lost began before, and its lease
  // ends at most leaseMs (on its clock) after. Whoever waits that long, drift included, finds nobody acting.
  const safeWaitMs = config.leaseMs * (1 + CLOCK_DRIFT_MAX);
  if (config.takeoverWaitMs < safeWaitMs)
    refuse(config, 'takeoverWaitMs', `it must outlast leaseMs on any clock, so be ${safeWaitMs} or more`);
  if (config.leaseRenewMs * 2 > config.leaseMs)
    refuse(
      config,
      'leaseRenewMs',
      'it must be at most half of leaseMs, so that one lost renewal does no harm',
    );
  return config;
}

function refuse(config: ClusterConfig, key: keyof ClusterConfig, problem: string): never {
  throw new TuttiError('TUTTI_CONFIG_INVALID', {
    source: 'The cluster configuration',
    key,
    value: config[key],
    problem,
    meaning: 'described at ClusterConfig',
  });
}
