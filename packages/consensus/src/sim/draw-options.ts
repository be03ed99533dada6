import { type Random, seededRandom } from '@tutti/kernel';
import type { ReplicaConfig } from '../replica/replica-options.ts';
import { drawPriorities, drawReads, withHandovers } from './draw-leadership.ts';
import { withUnlikeMembers } from './draw-members.ts';
import { withChurn } from './draw-membership.ts';
import { FAULT_KINDS } from './faults/fault-kinds.ts';
import type { NetworkFaults } from './sim-network.ts';
import type { Ambush, FaultRates, GroupOptions, SimOptions, StoreOptions } from './sim-options.ts';
import { ACTIONS } from './workload/actions.ts';

/** Chance for one option. Each has a stream of its own, so that an option added later shifts none of the others. */
export type Draw = (option: string) => Random;

/** Votes and their answers, appends and theirs, snapshots and theirs; what is seldom is struck more often. */
const AMBUSHES: readonly Ambush[] = [
  { kind: 1, chance: 0.1 },
  { kind: 2, chance: 0.3 },
  { kind: 3, chance: 0.02 },
  { kind: 4, chance: 0.05 },
  { kind: 9, chance: 0.1 },
  { kind: 10, chance: 0.2 },
];

/** What would hide a leader that lingers: it must neither fall nor be cut off at once. */
const CUTTING = ['crash', 'crash all', 'split', 'isolate', 'bridge', 'ring', 'deafen', 'mute'];

const ALONE: GroupOptions = { count: 1, quietAfterMs: 1_000, busyMeanMs: 200, logBytes: 20_000 };

/** What becomes of a run's weather; one listed twice comes twice as often. */
const SEASONS: readonly ((draw: Draw, weather: SimOptions) => SimOptions)[] = [
  fair,
  fair,
  fair,
  stormy,
  stormy,
  stormy,
  withHalfLeaders,
  withHalfLeaders,
  withLag,
  withLateAnswers,
  withHandovers,
];

/** Draws a run: each seed has its own mix, and no seed has everything at once at full strength. */
export function drawOptions(seed: number): SimOptions {
  const draw: Draw = (option) => seededRandom(seed).fork(`option/${option}`);
  const weather = draw('season').pick(SEASONS)(draw, drawWeather(draw));
  return withUnlikeMembers(draw, withGroups(draw, withChurn(draw, weather)));
}

/** In some runs each node has several groups; in half of those their log is the one that ships, on drives that decay. */
function withGroups(draw: Draw, weather: SimOptions): SimOptions {
  if (!draw('groups').chance(0.08)) return weather;
  return {
    ...weather,
    store: draw('groups/files').chance(0.5)
      ? { ...weather.store, kind: 'files', frail: draw('groups/frail').pick([0, 1, 1, 2]) }
      : { ...weather.store, kind: 'model', frail: 0 },
    groups: {
      count: draw('groups/count').integer(2, 4),
      quietAfterMs: draw('groups/quietAfterMs').pick([20, 100, 1_000]),
      busyMeanMs: draw('groups/busyMeanMs').pick([20, 200]),
      logBytes: draw('groups/logBytes').pick([2_000, 20_000]),
    },
  };
}

function fair(_draw: Draw, weather: SimOptions): SimOptions {
  return weather;
}

/**
 * Elections upon elections, with little work between them: the faults follow each other faster than a leader can be
 * replaced, and entries travel one by one, so that many are left half replicated.
 */
function stormy(draw: Draw, weather: SimOptions): SimOptions {
  return {
    ...weather,
    voters: draw('storm/voters').pick([3, 3, 5]),
    learners: 0,
    replica: {
      ...weather.replica,
      tickMs: 10,
      heartbeatTicks: 1,
      electionTicks: draw('storm/electionTicks').integer(3, 6),
      preVote: draw('storm/preVote').chance(0.4),
      appendBytesMax: draw('storm/appendBytesMax').pick([1, 1, 2 ** 20]),
    },
    network: {
      ...weather.network,
      delayMeanMs: draw('storm/delayMeanMs').pick([0.3, 1, 4]),
      tailChance: 0.02,
    },
    faults: {
      everyMs: draw('storm/everyMs').pick([20, 40, 80]),
      kinds: drawKinds(draw, 'storm'),
      ambushes: AMBUSHES.filter(({ kind }) => draw(`storm/ambush/${kind}`).chance(0.5)),
      halfLeaderChance: 0,
      fallAtCommitChance: draw('storm/fallAtCommitChance').pick([0, 0.02]),
      outageMeanMs: draw('storm/outageMeanMs').pick([5, 20, 60]),
    },
    diskLatencyMeanMs: draw('storm/diskLatencyMeanMs').pick([0.5, 3, 10]),
    clients: draw('storm/clients').integer(1, 3),
    thinkMeanMs: draw('storm/thinkMeanMs').pick([5, 20]),
  };
}

/** Figure 8 of the paper over and over, and little else: what one leader began, another overwrites. */
function withHalfLeaders(draw: Draw, weather: SimOptions): SimOptions {
  const storm = stormy(draw, weather);
  return {
    ...storm,
    voters: draw('half/voters').pick([3, 5, 5, 5]),
    replica: { ...storm.replica, appendBytesMax: 1, preVote: draw('half/preVote').chance(0.2) },
    network: { ...storm.network, delayMeanMs: draw('half/delayMeanMs').pick([0.3, 1]) },
    faults: {
      ...storm.faults,
      everyMs: draw('half/everyMs').pick([100, 400]),
      ambushes: [],
      halfLeaderChance: draw('half/halfLeaderChance').pick([0.5, 0.8]),
      fallAtCommitChance: draw('half/fallAtCommitChance').pick([0.1, 0.3]),
      outageMeanMs: draw('half/outageMeanMs').pick([20, 60]),
    },
  };
}

/** Short logs and long absences: whoever comes back needs a snapshot. */
function withLag(draw: Draw, weather: SimOptions): SimOptions {
  return {
    ...weather,
    voters: draw('lag/voters').pick([3, 3, 5]),
    replica: {
      ...weather.replica,
      snapshotEntries: draw('lag/snapshotEntries').integer(3, 8),
      trailingEntries: draw('lag/trailingEntries').pick([0, 0, 2]),
      snapshotChunkBytes: draw('lag/snapshotChunkBytes').pick([400, 4096, 4096]),
    },
    network: {
      ...weather.network,
      duplicateChance: draw('lag/duplicateChance').pick([0, 0.1, 0.3]),
    },
    faults: {
      ...weather.faults,
      everyMs: draw('lag/everyMs').pick([50, 150]),
      kinds: [...new Set([...weather.faults.kinds, 'left behind'])],
      outageMeanMs: draw('lag/outageMeanMs').pick([30, 100]),
    },
    clients: draw('lag/clients').integer(3, 6),
    thinkMeanMs: draw('lag/thinkMeanMs').pick([2, 8]),
  };
}

/**
 * Leaders that are replaced without knowing it, and clients that read much: whoever answers too early is seen. The
 * clients give up soon, since otherwise all of them would wait at the old leader and nobody would ask it again.
 */
function withLateAnswers(draw: Draw, weather: SimOptions): SimOptions {
  return {
    ...weather,
    voters: draw('late/voters').pick([3, 3, 5]),
    replica: { ...weather.replica, tickMs: 10, timeoutMs: draw('late/timeoutMs').pick([30, 60]) },
    network: { ...weather.network, delayMeanMs: draw('late/delayMeanMs').pick([0.3, 1]) },
    faults: {
      ...weather.faults,
      everyMs: draw('late/everyMs').pick([200, 400]),
      kinds: ['deafen', 'mute', ...weather.faults.kinds.filter((kind) => !CUTTING.includes(kind))],
    },
    diskLatencyMeanMs: draw('late/diskLatencyMeanMs').pick([0.1, 1]),
    clients: draw('late/clients').integer(4, 8),
    thinkMeanMs: draw('late/thinkMeanMs').pick([2, 5]),
    keys: 1,
    mix: { ...weather.mix, read: draw('late/readChance').pick([1, 3]) },
  };
}

function drawWeather(draw: Draw): SimOptions {
  const clockDrift = draw('clockDrift').pick([0, 0.01, 0.1]);
  return {
    voters: draw('evenVoters').chance(0.1)
      ? draw('evenVoters/count').pick([4, 6])
      : draw('voters').pick([1, 2, 3, 3, 3, 5, 5, 5, 7]),
    spares: 0,
    learners: draw('learners').pick([0, 0, 0, 1]),
    replica: { ...drawReplica(draw), ...drawReads(draw, clockDrift) },
    electionPriorities: drawPriorities(draw),
    unequal: [],
    livesAlike: draw('livesAlike').chance(0.15),
    network: drawNetwork(draw),
    faults: drawFaults(draw),
    diskLatencyMeanMs: draw('diskLatencyMeanMs').pick([0.1, 1, 5]),
    store: drawStore(draw),
    groups: ALONE,
    clockSkewMs: draw('clockSkewMs').pick([0, 100, 60_000]),
    clockDrift,
    clients: draw('clients').integer(1, 6),
    thinkMeanMs: draw('thinkMeanMs').pick([2, 10, 40]),
    keys: draw('keys').integer(1, 4),
    mix: drawMix(draw),
    safetyMs: draw('safetyMs').pick([2_000, 4_000]),
    livenessMs: 60_000,
    eventsMax: 10_000,
  };
}

function drawReplica(draw: Draw): ReplicaConfig {
  return {
    tickMs: draw('tickMs').pick([10, 20, 50]),
    heartbeatTicks: draw('heartbeatTicks').integer(1, 2),
    electionTicks: draw('electionTicks').integer(5, 10),
    preVote: draw('preVote').chance(0.7),
    appendBytesMax: draw('appendBytesMax').pick([1, 200, 2 ** 20]),
    inflightMessagesMax: draw('inflightMessagesMax').pick([1, 2, 8]),
    timeoutMs: draw('timeoutMs').pick([1_000, 3_000]),
    noLeaderMs: draw('noLeaderMs').pick([500, 2_000]),
    resendMs: draw('resendMs').pick([200, 800]),
    sessionsMax: 64,
    scrubBytesPerSecond: draw('scrubBytesPerSecond').pick([2 ** 16, 2 ** 20]),
    scrubEveryMs: draw('scrubEveryMs').pick([100, 500, 3_600_000]),
    snapshotEntries: draw('snapshotEntries').pick([5, 20, 60, 10_000]),
    trailingEntries: draw('trailingEntries').pick([0, 3, 20]),
    snapshotChunkBytes: draw('snapshotChunkBytes').pick([64, 400, 4096]),
    applyBatchMax: draw('applyBatchMax').pick([2, 512]),
  };
}

function drawNetwork(draw: Draw): NetworkFaults {
  return {
    delayMinMs: draw('delayMinMs').pick([0, 0.2, 1]),
    delayMeanMs: draw('delayMeanMs').pick([0.3, 1, 5]),
    tailChance: draw('tailChance').pick([0, 0.01, 0.05]),
    tailFactor: draw('tailFactor').pick([5, 50]),
    lossChance: draw('lossChance').pick([0, 0, 0.01, 0.1]),
    duplicateChance: draw('duplicateChance').pick([0, 0, 0.01, 0.1]),
  };
}

function drawFaults(draw: Draw): FaultRates {
  return {
    everyMs: draw('everyMs').pick([50, 100, 300, 1_000]),
    kinds: drawKinds(draw, 'fair'),
    ambushes: AMBUSHES.filter(({ kind }) => draw(`ambush/${kind}`).chance(0.25)),
    halfLeaderChance: draw('halfLeaderChance').pick([0, 0, 0, 0.3]),
    fallAtCommitChance: draw('fallAtCommitChance').pick([0, 0, 0.01]),
    outageMeanMs: draw('outageMeanMs').pick([10, 50, 300, 1_000]),
  };
}

/** Each kind by a chance of its own, so that a kind added later shifts none of the others. */
function drawKinds(draw: Draw, season: 'fair' | 'storm'): readonly string[] {
  return FAULT_KINDS.filter((kind) => draw(`${season}/${kind.name}`).chance(kind[season])).map(
    ({ name }) => name,
  );
}

/** The store that ships costs several times what its model does: one run in four has it. */
function drawStore(draw: Draw): StoreOptions {
  const isSick = draw('store/sick').chance(0.5);
  const rate = (option: string, chances: readonly number[]): number =>
    isSick ? draw(`store/${option}`).pick(chances) : 0;
  return {
    kind: draw('store/kind').pick(['model', 'model', 'model', 'files']),
    segmentBytes: draw('store/segmentBytes').pick([4096, 4096, 16_384]),
    cacheBytes: draw('store/cacheBytes').pick([0, 500, 2 ** 20]),
    drive: {
      shortChance: rate('shortChance', [0, 0.05, 0.3]),
      errorChance: rate('errorChance', [0, 0.002, 0.01]),
      fullChance: rate('fullChance', [0, 0.002]),
    },
    frail: isSick ? draw('store/frail').pick([0, 1, 1, 2, 3]) : 0,
    powerChance: draw('store/powerChance').pick([0, 0.5, 1]),
  };
}

function drawMix(draw: Draw): Readonly<Record<string, number>> {
  return Object.fromEntries(ACTIONS.map(({ name, weights }) => [name, draw(`mix/${name}`).pick(weights)]));
}
