import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CLUSTER_MUTANTS } from '../../../scripts/sim/cluster-mutants.ts';
import { mutated } from '../../../scripts/sim/mutant.ts';
import { runMutants } from '../../../scripts/sim/mutation-suite.ts';
import { simulateCluster } from './cluster-sim.ts';
import type { ClusterSimOptions } from './draw-options.ts';

interface KeptSeed {
  readonly seed: number;
  readonly options?: Partial<ClusterSimOptions>;
  readonly shows: string;
}

const kept = JSON.parse(readFileSync(new URL('../seeds/cluster.json', import.meta.url), 'utf8')) as {
  readonly seeds: readonly KeptSeed[];
};
const SEEDS = Array.from({ length: 12 }, (_, at) => at + 1);

describe('a whole cluster under trouble', () => {
  it.each(SEEDS)('keeps its promises in seed %i', async (seed) => {
    const report = await simulateCluster({ seed, traceLinesMax: 60 });
    expect(report.violation, report.trace.join('\n')).toBeUndefined();
    const { acts, released, outcomes, acknowledged } = report.exercised;
    expect(
      Math.min(acts, released, outcomes, acknowledged),
      JSON.stringify(report.exercised),
    ).toBeGreaterThan(0);
  });

  it.each(kept.seeds)(
    'keeps them where it once did not: seed $seed, $shows',
    async ({ seed, options = {} }) => {
      const report = await simulateCluster({ seed, options, traceLinesMax: 60 });
      expect(report.violation, report.trace.join('\n')).toBeUndefined();
    },
  );

  it('is the same run for the same seed, event by event', async () => {
    const runs = [await simulateCluster({ seed: 3 }), await simulateCluster({ seed: 3 })];
    expect(runs[0]!.traceHash).toBe(runs[1]!.traceHash);
    expect((await simulateCluster({ seed: 4 })).traceHash).not.toBe(runs[0]!.traceHash);
  });
});

describe('the planted bugs of the runtime', () => {
  const sources = new URL('../../../packages/runtime/src/', import.meta.url);

  it('fit one place each of the code they are meant for', () => {
    expect(CLUSTER_MUTANTS.length).toBeGreaterThanOrEqual(12);
    for (const mutant of CLUSTER_MUTANTS) {
      const text = readFileSync(new URL(mutant.file, sources), 'utf8');
      expect(mutated(text, mutant), mutant.name).not.toBe(text);
    }
    expect(new Set(CLUSTER_MUTANTS.map(({ name }) => name)).size).toBe(CLUSTER_MUTANTS.length);
  });

  it('are found by the simulation', async () => {
    const bug = CLUSTER_MUTANTS.find(({ name }) => name === 'effects do not wait for the lease')!;
    const options = { firstSeed: 1, seedsMax: 10, say: () => {}, worker: 'cluster-mutant-run.ts' };
    expect(await runMutants([bug], options)).toMatchObject({ killed: 1, unsound: [] });
  });
});
