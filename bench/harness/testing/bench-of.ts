import type { BenchCase, Measurement, Subject } from '../case.ts';
import { caseResult, type ResultDocument } from '../results.ts';
import type { SubjectResult } from '../subject-result.ts';

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

/** What became of a subject of {@link benchOf}. */
export function resultOf(
  id: string,
  kind: SubjectResult['kind'],
  samples: readonly Measurement[],
): SubjectResult {
  return { id, kind, title: `The ${id}`, configuration: '', failures: [], samples };
}

export function rateOf(rate: number): Measurement {
  return { figures: { rate }, verified: 'counted' };
}

/** A quick run of cases of which each has one subject with two samples, those in `broken` broken off. */
export function documentOf({
  commit,
  whole,
  broken = [],
}: {
  readonly commit: string;
  readonly whole: readonly string[];
  readonly broken?: readonly string[];
}): ResultDocument {
  const subject = {
    id: 'ours',
    kind: 'ours',
    title: 'Ours',
    configuration: 'defaults',
    failures: [],
    samples: [rateOf(1), rateOf(2)],
  } as const;
  const machine = {
    processor: 'A',
    cores: 2,
    memoryBytes: 1,
    system: '',
    node: '',
    v8: '',
    versions: {},
    commit,
    loadBefore: [],
  };
  const resultOf = (id: string, isBroken: boolean) => caseResult(benchOf({ id }), {}, [subject], isBroken);
  return {
    format: 1,
    startedAt: '1',
    endedAt: '2',
    quick: true,
    machine,
    loadAfter: [],
    ...(broken.length > 0 ? { isBrokenOff: true } : {}),
    cases: [...whole.map((id) => resultOf(id, false)), ...broken.map((id) => resultOf(id, true))],
  };
}
