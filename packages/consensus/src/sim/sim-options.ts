import type { Random } from '@tutti/kernel';
import type { ReplicaConfig } from '../replica/replica-options.ts';
import type { NetworkFaults } from './sim-network.ts';

/** Which kinds of trouble a run has, and how often on average one begins, in milliseconds of virtual time. */
export interface FaultRates {
  readonly everyMs: number;
  readonly crash: boolean;
  readonly partition: boolean;
  readonly oneWay: boolean;
  readonly pause: boolean;
  readonly slowDisk: boolean;
  readonly clog: boolean;
  /** Cuts the lane of entries and snapshots only: a leader that is heard but cannot replicate. */
  readonly starve: boolean;
  /** Strikes just as something is decided, where chance alone would come too seldom. */
  readonly ambushes: readonly Ambush[];
  /** How long a node stays down, paused or cut off on average, in milliseconds. */
  readonly outageMeanMs: number;
}

/**
 * When a message of this kind (its number on the wire) has arrived, one end is crashed or cut off, and perhaps the
 * other cut off as well: with the given chance.
 */
export interface Ambush {
  readonly kind: number;
  readonly chance: number;
}

/** Everything a run is made of, besides chance. */
export interface SimOptions {
  readonly voters: number;
  readonly learners: number;
  readonly replica: ReplicaConfig;
  readonly network: NetworkFaults;
  readonly faults: FaultRates;
  readonly diskLatencyMeanMs: number;
  /** How far wall clocks may be off, in milliseconds, and by how much clocks may run fast or slow. */
  readonly clockSkewMs: number;
  readonly clockDrift: number;
  readonly clients: number;
  readonly thinkMeanMs: number;
  readonly keys: number;
  readonly readChance: number;
  readonly safetyMs: number;
  /** Virtual time after healing within which all must be well again. */
  readonly livenessMs: number;
  /** The safety phase ends early after this many events, so that no seed takes long. */
  readonly eventsMax: number;
}

/** Votes and their answers, appends and theirs, snapshots and theirs; what is seldom is struck more often. */
const AMBUSHES: readonly Ambush[] = [
  { kind: 1, chance: 0.1 },
  { kind: 2, chance: 0.3 },
  { kind: 3, chance: 0.02 },
  { kind: 4, chance: 0.05 },
  { kind: 9, chance: 0.1 },
  { kind: 10, chance: 0.2 },
];

/** Draws a run: each seed has its own mix, and no seed has everything at once at full strength. */
export function drawOptions(random: Random): SimOptions {
  const tickMs = random.pick([10, 20, 50]);
  const electionTicks = random.integer(5, 10);
  const drawn = drawWeather(random, tickMs, electionTicks);
  return random.chance(0.5) ? { ...drawn, ...drawStorm(random, drawn) } : drawn;
}

/**
 * Elections upon elections, with little work between them: the faults follow each other faster than a leader can be
 * replaced, and entries travel one by one, so that many are left half replicated.
 */
function drawStorm(random: Random, drawn: SimOptions): Partial<SimOptions> {
  return {
    voters: random.pick([3, 3, 5]),
    learners: 0,
    replica: {
      ...drawn.replica,
      tickMs: 10,
      heartbeatTicks: 1,
      electionTicks: random.integer(3, 6),
      preVote: random.chance(0.4),
      appendBytesMax: random.pick([1, 1, 2 ** 20]),
    },
    network: { ...drawn.network, delayMeanMs: random.pick([0.3, 1, 4]), tailChance: 0.02 },
    faults: {
      everyMs: random.pick([20, 40, 80]),
      crash: true,
      partition: random.chance(0.7),
      oneWay: random.chance(0.3),
      pause: random.chance(0.3),
      slowDisk: random.chance(0.3),
      clog: random.chance(0.2),
      starve: random.chance(0.6),
      ambushes: AMBUSHES.filter(() => random.chance(0.5)),
      outageMeanMs: random.pick([5, 20, 60]),
    },
    diskLatencyMeanMs: random.pick([0.5, 3, 10]),
    clients: random.integer(1, 3),
    thinkMeanMs: random.pick([5, 20]),
  };
}

function drawWeather(random: Random, tickMs: number, electionTicks: number): SimOptions {
  return {
    voters: random.pick([1, 2, 3, 3, 3, 5, 5, 5, 7]),
    learners: random.pick([0, 0, 0, 1]),
    replica: {
      tickMs,
      heartbeatTicks: random.integer(1, 2),
      electionTicks,
      preVote: random.chance(0.7),
      appendBytesMax: random.pick([1, 200, 2 ** 20]),
      inflightMessagesMax: random.pick([1, 2, 8]),
      timeoutMs: random.pick([1_000, 3_000]),
      noLeaderMs: random.pick([500, 2_000]),
      resendMs: random.pick([200, 800]),
      sessionsMax: 64,
      snapshotEntries: random.pick([5, 20, 60, 10_000]),
      trailingEntries: random.pick([0, 3, 20]),
      snapshotChunkBytes: random.pick([64, 400, 4096]),
      applyBatchMax: random.pick([2, 512]),
    },
    network: {
      delayMinMs: random.pick([0, 0.2, 1]),
      delayMeanMs: random.pick([0.3, 1, 5]),
      tailChance: random.pick([0, 0.01, 0.05]),
      tailFactor: random.pick([5, 50]),
      lossChance: random.pick([0, 0, 0.01, 0.1]),
      duplicateChance: random.pick([0, 0, 0.01, 0.1]),
    },
    faults: {
      everyMs: random.pick([50, 100, 300, 1_000]),
      crash: random.chance(0.7),
      partition: random.chance(0.6),
      oneWay: random.chance(0.4),
      pause: random.chance(0.4),
      slowDisk: random.chance(0.4),
      clog: random.chance(0.3),
      starve: random.chance(0.4),
      ambushes: AMBUSHES.filter(() => random.chance(0.25)),
      outageMeanMs: random.pick([10, 50, 300, 1_000]),
    },
    diskLatencyMeanMs: random.pick([0.1, 1, 5]),
    clockSkewMs: random.pick([0, 100, 60_000]),
    clockDrift: random.pick([0, 0.01, 0.1]),
    clients: random.integer(1, 6),
    thinkMeanMs: random.pick([2, 10, 40]),
    keys: random.integer(1, 4),
    readChance: random.pick([0.1, 0.4]),
    safetyMs: random.pick([2_000, 4_000]),
    livenessMs: 60_000,
    eventsMax: 10_000,
  };
}
