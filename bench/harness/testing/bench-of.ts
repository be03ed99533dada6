import type { BenchCase, Measurement, Subject } from '../case.ts';

/** A case for tests of the harness: ours, a limit and a peer, nothing of which can be loaded. */
export function benchOf(changes: Partial<BenchCase> = {}): BenchCase {
  return {
    id: 'X1',
    title: 'A case',
    measures: 'nothing',
    payload: 'none',
    durability: 'none',
    verification: 'none',
    figures: [{ id: 'rate', title: 'the rate', unit: 'msg/s', better: 'higher' }],
    targets: [],
    subjects: [subjectOf('ours', 'ours'), subjectOf('limit', 'limit'), subjectOf('peer', 'peer')],
    sizes: { quick: { n: 1 }, full: { n: 2 } },
    ...changes,
  };
}

export function subjectOf(id: string, kind: Subject['kind']): Subject {
  const load = () => Promise.reject(new Error('it is not for loading'));
  return { id, kind, title: `The ${id}`, configuration: 'defaults', load };
}

export function rateOf(rate: number): Measurement {
  return { figures: { rate }, verified: 'counted' };
}
