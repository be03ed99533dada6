import type { BenchCase } from '../harness/case.ts';
import { eachNs, limitOf } from '../harness/say.ts';

export const bench: BenchCase = {
  id: 'S4',
  title: 'Placement decisions over 5,000 workers with constraints',
  measures:
    'decisions per second, each with its slot taken, and another slot given back; and over many agents',
  payload:
    'workers of 24 sorts in 8 zones; requests for one or two capabilities, half with a zone that must be, a quarter with one that is preferred, a quarter spread over the zones by job',
  durability: 'none: the index is in memory',
  verification:
    'the first decisions are made again by a scan over all workers and must be the same; capacities are counted from outside; of many agents each decision is looked at: the agent has the capabilities and the zone, and none is given a second task while another of its sort and zone has none',
  figures: [
    { id: 'rate', title: 'decisions, 5,000 workers', unit: 'decisions/s', better: 'higher' },
    { id: 'examined', title: 'candidates looked at of all', unit: '%', better: 'lower' },
    { id: 'agents-rate', title: 'decisions, many agents', unit: 'decisions/s', better: 'higher' },
    {
      id: 'agents-p50',
      title: 'one of them, p50',
      unit: 'us',
      better: 'lower',
      percentile: { of: 'agents', at: 0.5 },
    },
    {
      id: 'agents-p99',
      title: 'one of them, p99',
      unit: 'us',
      better: 'lower',
      percentile: { of: 'agents', at: 0.99 },
    },
    { id: 'agents-examined', title: 'candidates looked at for one, of all', unit: '%', better: 'lower' },
    { id: 'agents-register', title: 'agents registered', unit: 'agents/s', better: 'higher' },
    { id: 'agents-bytes', title: 'memory of one agent', unit: 'bytes', better: 'lower' },
    {
      id: 'agents-rss',
      title: 'resident memory with all of them, the process included',
      unit: 'bytes',
      better: 'lower',
    },
  ],
  targets: [
    { level: 'floor', figure: 'rate', value: 50_000 },
    { level: 'aim', figure: 'rate', value: 250_000 },
  ],
  limits: [
    limitOf(
      'rate',
      { own: ['tutti', 'rate'], examined: ['tutti', 'examined'], scan: ['scan', 'rate'] },
      ({ own, examined, scan }) =>
        `A decision takes ${eachNs(own)} and looks at ${examined.toFixed(2)} % of the candidates; to look at all of them takes ${eachNs(scan)}.`,
    ),
  ],
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti PlacementIndex',
      configuration: 'one thread; agents are records of an index, none of them a live actor',
      load: async () => (await import('../subjects/tasks/placement.ts')).indexedPlacement,
    },
    {
      id: 'scan',
      kind: 'ablation',
      title: 'without the index',
      configuration: 'every worker looked at for every decision',
      load: async () => (await import('../subjects/tasks/placement.ts')).scannedPlacement,
    },
  ],
  sizes: {
    quick: { workers: 5_000, decisions: 100_000, checked: 2_000, scans: 1_000, agents: 100_000 },
    full: { workers: 5_000, decisions: 2_000_000, checked: 10_000, scans: 10_000, agents: 1_000_000 },
  },
};
