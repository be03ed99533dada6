import { seededRandom } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { drawSchedule } from './draw-schedule.ts';
import { describeFault, FAULT_KINDS, type Fault, KNOWN_FAULT_KINDS, readSchedule } from './fault.ts';
import { type ClusterTest, defineClusterTest, runClusterTest, shrinkClusterTest } from './index.ts';
import { searchClusterTest } from './search-cluster-test.ts';

const idle: ClusterTest = { nodes: 3, durationMs: 3_000, workload: async (cluster) => cluster.sleep(10) };

describe('a schedule', () => {
  it('has only the kinds that it may have, in order, and names only what is there', () => {
    const nodes = ['n1', 'n2', 'n3'];
    for (let seed = 1; seed <= 50; seed++) {
      const random = seededRandom(seed);
      const kinds = KNOWN_FAULT_KINDS.filter(() => random.chance(0.5));
      const schedule = drawSchedule(random, { nodes, durationMs: 10_000, everyMs: 200, kinds });
      expect(schedule.every(({ kind }) => kinds.includes(kind))).toBe(true);
      expect(schedule.map(({ at }) => at)).toEqual(schedule.map(({ at }) => at).toSorted((a, b) => a - b));
      expect(readSchedule(JSON.stringify(schedule), nodes)).toEqual(schedule);
    }
  });

  it('has the same other faults with those of threads as without', () => {
    const options = { nodes: ['n1', 'n2'], durationMs: 10_000, everyMs: 500 };
    for (let seed = 1; seed <= 20; seed++) {
      const drawn = (kinds: typeof KNOWN_FAULT_KINDS) =>
        drawSchedule(seededRandom(seed), { ...options, kinds });
      const all = drawn(KNOWN_FAULT_KINDS);
      const others = all.filter(({ kind }) => FAULT_KINDS.includes(kind as never));
      expect(others).toEqual(drawn(FAULT_KINDS));
      expect(all.length).toBeGreaterThan(others.length);
    }
  });

  it('says which thread is meant', () => {
    const hang: Fault = { at: 5, kind: 'thread-hang', on: ['n1'], for: 40, by: 3 };
    expect(describeFault(hang).trim()).toBe('5 ms  thread-hang n1 thread 3 for 40 ms');
  });

  it.each([
    'x',
    '{}',
    '[{}]',
    '[{"at":1,"kind":"flood","on":["n1"],"for":1}]',
    '[{"at":-1,"kind":"crash","on":["n1"],"for":1}]',
    '[{"at":1,"kind":"crash","on":[],"for":1}]',
    '[{"at":1,"kind":"crash","on":["n9"],"for":1}]',
    '[{"at":1,"kind":"cut","on":["n1"],"for":1}]',
    '[{"at":1,"kind":"slow","on":["n1","n2"],"for":1}]',
    '[{"at":1,"kind":"thread-crash","on":["n1"],"for":0}]',
    '[{"at":1,"kind":"thread-hang","on":["n1"],"for":1,"by":-1}]',
    '[null]',
  ])('that is none is refused: %s', (text) => {
    expect(() => readSchedule(text, ['n1', 'n2'])).toThrow(
      expect.objectContaining({ code: 'TUTTI_OPTION_INVALID' }),
    );
  });
});

describe('a cluster test', () => {
  it('that finds nothing wrong ends with a whole cluster, whatever came over it', async () => {
    for (const kind of FAULT_KINDS) {
      const report = await runClusterTest({ ...idle, faults: [kind], faultEveryMs: 300 }, { seed: 2 });
      expect(report.failure, kind).toBeUndefined();
      expect(new Set(report.schedule.map((fault) => fault.kind))).toEqual(new Set([kind]));
    }
  });

  it.each([
    ['a workload that throws', { ...idle, workload: () => Promise.reject(new RangeError('no')) }, /^no$/],
    ['a check that throws', { ...idle, check: () => Promise.reject(new Error('less')) }, /^less$/],
    [
      'a workload that never ends',
      { ...idle, settleMs: 2_000, workload: () => new Promise<void>(() => {}) },
      /The workload did not come to its end/,
    ],
  ])('fails by %s', async (_, test, problem) => {
    const report = await runClusterTest(test, { seed: 1, schedule: [] });
    expect(report.failure!.problem).toMatch(problem);
  });

  it('makes a failure small: what it does not need goes', async () => {
    const crashes: ClusterTest = {
      nodes: 5,
      durationMs: 8_000,
      faultEveryMs: 400,
      async workload(cluster) {
        cluster.invariant('n1 never falls twice', () => cluster.node('n1').incarnation < 3);
        await cluster.sleep(1);
      },
    };
    let seed = 1;
    let failing = await runClusterTest(crashes, { seed });
    while (!failing.failure) failing = await runClusterTest(crashes, { seed: ++seed });
    const { report } = await shrinkClusterTest(crashes, failing);
    expect(report.failure!.kind).toBe(failing.failure.kind);
    expect(report.schedule.length).toBeLessThanOrEqual(2);
    expect(report.schedule.length).toBeLessThan(failing.schedule.length);
    expect(report.nodes).toBeLessThan(5);
  });
});

describe('a search', () => {
  const options = { file: 'x.ts', firstSeed: 1, seeds: 3, run: {}, shrinks: true, progress: () => {} };

  it('tells a test that ends otherwise each time, although nothing else of it differs', async () => {
    let kept = 0;
    const check = () => {
      kept++;
      if (kept > 1) throw new Error(`kept ${kept}`);
    };
    const test = defineClusterTest(() => ({ ...idle, check }));
    await expect(searchClusterTest(test, options)).rejects.toMatchObject({
      code: 'TUTTI_TEST_NOT_REPEATABLE',
      details: { where: expect.stringContaining('then it fails with "kept 2"') as string },
    });
  });

  it('makes a run smaller only as long as it fails in the same way', async () => {
    const test = defineClusterTest(() => ({
      ...idle,
      nodes: 3,
      check: (cluster) => {
        const { length } = cluster.nodes;
        if (length < 3) throw new Error('this workload is written for three nodes');
        throw new Error(`lost: ${length + 3} of 14`);
      },
    }));
    const { smallest } = await searchClusterTest(test, { ...options, seeds: 1 });
    expect(smallest!.report.failure!.problem).toBe('lost: 6 of 14');
    expect(smallest!.report.nodes).toBe(3);
  });

  it('tells a test that is another run each time', async () => {
    let runs = 0;
    const test = defineClusterTest(() => {
      runs++;
      const extraMs = runs;
      return {
        ...idle,
        workload: async (cluster) => cluster.run(extraMs).then(() => cluster.note(`${extraMs}`)),
      };
    });
    await expect(searchClusterTest(test, options)).rejects.toMatchObject({
      code: 'TUTTI_TEST_NOT_REPEATABLE',
      details: { file: 'x.ts', seed: 1 },
    });
  });

  it('plays every seed of a test that holds, and the schedule it is given', async () => {
    const played: (readonly Fault[])[] = [];
    const schedule = readSchedule('[{"at":10,"kind":"crash","on":["leader"],"for":100}]', ['n1']);
    const progress = (report: { schedule: readonly Fault[] }): void => void played.push(report.schedule);
    const search = await searchClusterTest(idle, { ...options, run: { schedule }, progress });
    expect(search).toMatchObject({ seeds: 3, failing: undefined });
    expect(played).toEqual([schedule, schedule, schedule]);
  });
});
