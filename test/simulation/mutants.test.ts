import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { mutated } from '../../scripts/sim/mutant.ts';
import { runMutants } from '../../scripts/sim/mutation-suite.ts';
import { RAFT_MUTANTS } from '../../scripts/sim/raft-mutants.ts';

const sources = new URL('../../packages/consensus/src/', import.meta.url);

test('every planted bug still fits one place of the code it is meant for', () => {
  expect(RAFT_MUTANTS.length).toBeGreaterThanOrEqual(12);
  for (const mutant of RAFT_MUTANTS) {
    const text = readFileSync(new URL(mutant.file, sources), 'utf8');
    expect(mutated(text, mutant), mutant.name).not.toBe(text);
  }
  expect(new Set(RAFT_MUTANTS.map(({ name }) => name)).size).toBe(RAFT_MUTANTS.length);
});

test('a planted bug is found, a harmless change survives, and neither touches the files', async () => {
  const bug = RAFT_MUTANTS.find(({ name }) => name.includes('not on its disk'))!;
  const harmless = { ...bug, name: 'harmless', wrong: `(${bug.right})` };
  const file = new URL(bug.file, sources);
  const before = readFileSync(file, 'utf8');
  const report = await runMutants([bug, harmless], { firstSeed: 1, seedsMax: 5, say: () => {} });
  expect(report).toEqual({ mutants: 2, killed: 1, survivors: ['harmless'], unsound: [] });
  expect(readFileSync(file, 'utf8')).toBe(before);
});

test('a bug that goes round for ever is found by the processor time that it takes', async () => {
  const right = 'const draw: Draw = (option) => seededRandom(seed).fork(`option/${option}`);';
  const bug = { name: 'round and round', file: 'sim/draw-options.ts', right, wrong: 'for (;;);' };
  const said: string[] = [];
  const say = (text: string): void => void said.push(text);
  // More than it takes to load the simulator and run a seed: those are no loop.
  expect(await runMutants([bug], { firstSeed: 1, seedsMax: 5, say, loopMs: 3_000 })).toMatchObject({
    killed: 1,
    unsound: [],
  });
  expect(said).toEqual([expect.stringContaining('dead after 1 (a loop without an end)')]);
});
