import type { ReplicaConfig } from '../replica/replica-options.ts';
import type { Draw } from './draw-options.ts';
import type { SimOptions } from './sim-options.ts';

/** Leases in half of the runs, as short as the clocks of the run demand and no shorter. */
export function drawReads(draw: Draw, clockDrift: number): Pick<ReplicaConfig, 'reads' | 'leaseDriftMax'> {
  return {
    reads: draw('reads').pick(['quorum', 'lease']),
    // A leader's clock at its slowest against a voter's at its fastest.
    leaseDriftMax: (2 * clockDrift) / (1 + clockDrift),
  };
}

/** By node: most runs have none, some have favourites. */
export function drawPriorities(draw: Draw): readonly number[] {
  return draw('electionPriorities').pick([[], [], [], [0, 1], [1, 0, 0, 2], [3, 2, 1, 0]]);
}

/** Leadership moves all the time, in ways that its holder does not notice, and clients read much under leases. */
export function withHandovers(draw: Draw, weather: SimOptions): SimOptions {
  const kinds = [
    'transfer',
    'deaf transfer',
    'forgetful voter',
    'retirement',
    'quick restart',
    'deafen',
    'pause',
  ];
  return {
    ...weather,
    voters: draw('handover/voters').pick([3, 3, 5]),
    replica: {
      ...weather.replica,
      reads: 'lease',
      tickMs: 10,
      heartbeatTicks: 1,
      timeoutMs: draw('handover/timeoutMs').pick([30, 60, 1_000]),
    },
    network: { ...weather.network, delayMeanMs: draw('handover/delayMeanMs').pick([0.3, 1]) },
    faults: {
      ...weather.faults,
      everyMs: draw('handover/everyMs').pick([100, 200, 400]),
      kinds: kinds.filter((kind) => draw(`handover/${kind}`).chance(0.6)),
    },
    diskLatencyMeanMs: draw('handover/diskLatencyMeanMs').pick([0.1, 1]),
    clients: draw('handover/clients').integer(4, 8),
    thinkMeanMs: draw('handover/thinkMeanMs').pick([2, 5]),
    keys: 1,
    mix: { ...weather.mix, read: draw('handover/readChance').pick([1, 3]) },
  };
}
