import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { drawOptions } from './draw-options.ts';
import { TROUBLES } from './faults/troubles.ts';
import type { SimOptions } from './sim-options.ts';
import { simulate } from './simulator.ts';

const SEEDS = 300;
/** What some run must come to, where most do not. */
const REACHED = [
  'register read at a leader',
  'register read at a follower',
  'register read at a learner',
  'register swap at a follower',
  'TUTTI_OUTCOME_UNKNOWN',
  'TUTTI_NO_LEADER',
  'TUTTI_TIMEOUT',
  'TUTTI_STORE_FAILED',
  'TUTTI_STORE_TAIL_CUT',
  'leadership handed on',
  'membership changed',
  'joint configuration',
  'leader outside its configuration',
  'replaced entry',
  'quiet group',
  'snapshotsInstalled',
  'repairs',
  'duplicates',
  'resent',
  'reversions',
];
/** Only planted bugs ask for these. */
const UNDRAWN = ['late answers', 'asked before'];
const kept = JSON.parse(
  readFileSync(new URL('../../../../test/simulation/seeds/raft.json', import.meta.url), 'utf8'),
) as { seeds: { seed: number; options?: Partial<SimOptions> }[] };

/** Fails with the line that replays the run. */
function expectGood(seed: number, options: Partial<SimOptions> = {}) {
  const report = simulate({ seed, options });
  if (report.violation) {
    const { checker, problem } = report.violation;
    expect.fail(`${checker}: ${problem}\nreplay: npm run sim -- raft --seed ${seed}`);
  }
  return report;
}

test(`${SEEDS} clusters keep Raft's promises through faults, and come to rest when the faults end`, () => {
  const sum = { terms: 0, acknowledged: 0, reads: 0, registerCalls: 0, snapshotsInstalled: 0 };
  const marks = new Map<string, number>();
  const drawn = new Set<string>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { exercised, options, ...report } = expectGood(seed);
    for (const [what, count] of Object.entries(report.marks)) marks.set(what, (marks.get(what) ?? 0) + count);
    for (const { name, isDrawn } of TROUBLES) if (isDrawn(options)) drawn.add(name);
    for (const what of Object.keys(sum) as (keyof typeof sum)[]) sum[what] += exercised[what];
  }
  // A trouble that no run has, or that does not strike, proves nothing; the same of what no run comes to.
  const striking = TROUBLES.filter(({ name }) => drawn.has(name));
  expect(TROUBLES.filter((trouble) => !striking.includes(trouble)).map(({ name }) => name)).toEqual(UNDRAWN);
  expect(
    striking.filter(({ mark }) => mark !== undefined && !marks.has(mark)).map(({ name }) => name),
  ).toEqual([]);
  expect(REACHED.filter((what) => !marks.has(what))).toEqual([]);
  // A run in which nothing happens proves nothing.
  expect(sum.terms).toBeGreaterThan(5 * SEEDS);
  expect(sum.acknowledged).toBeGreaterThan(20 * SEEDS);
  expect(sum.reads).toBeGreaterThan(5 * SEEDS);
  expect(sum.registerCalls).toBeGreaterThan(20 * SEEDS);
  expect(sum.snapshotsInstalled).toBeGreaterThan(SEEDS / 2);
});

test('seeds that once failed do not fail again', () => {
  for (const { seed, options } of kept.seeds) expectGood(seed, options);
});

test('a seed is a run: the same seed twice does the same, event by event, and another seed does not', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const [once, twice, other] = [simulate({ seed }), simulate({ seed }), simulate({ seed: seed + 1_000 })];
    expect(twice.traceHash).toBe(once.traceHash);
    expect(twice.steps).toBe(once.steps);
    expect(other.traceHash).not.toBe(once.traceHash);
  }
});

test('without faults no call fails and one term is enough', () => {
  const drawn = drawOptions(7);
  const quiet = { ...drawn.faults, kinds: [] };
  const report = simulate({
    seed: 7,
    options: {
      voters: 3,
      faults: quiet,
      network: { ...drawn.network, delayMeanMs: 0.5, tailChance: 0, lossChance: 0, duplicateChance: 0 },
      clockDrift: 0,
      diskLatencyMeanMs: 0.5,
      mix: { append: 1, read: 0.3 },
    },
    traceLinesMax: 100_000,
  });
  expect(report.violation).toBeUndefined();
  expect(report.exercised.terms).toBe(1);
  expect(report.exercised.acknowledged).toBeGreaterThan(50);
});
