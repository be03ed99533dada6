import { expect, test } from 'vitest';
import { benchOptions } from './options.ts';
import { caseResult } from './results.ts';
import { caseList, GROUPS, judgedAnew, selectCases } from './selection.ts';
import { resultOf } from './testing/bench-of.ts';

const idsOf = async (...args: string[]) => (await selectCases(benchOptions(args))).map(({ id }) => id);

test('nothing named is everything, and every case belongs to one group', async () => {
  const all = await idsOf();
  const grouped = await Promise.all(Object.keys(GROUPS).map((group) => idsOf(group)));
  expect(grouped.flat().sort()).toEqual(all.toSorted());
});

test('groups and cases may be mixed, and each case is taken once', async () => {
  expect(await idsOf('s5', 'raft', 'C1')).toEqual([...(await idsOf('raft')), 'S5']);
});

test('the million is actors, agents and routing over them, a million of each also when quick', async () => {
  const million = await selectCases(benchOptions(['million', '--quick']));
  expect(million.map(({ id, sizes: { quick } }) => [id, quick['actors'] ?? quick['agents']])).toEqual([
    ['R6', 1_000_000],
    ['R14', undefined],
    ['S4', 1_000_000],
  ]);
  const [, , s4] = million;
  const { decisions, agents } = (await selectCases(benchOptions(['S4', '--quick'])))[0]!.sizes.quick;
  expect([s4!.sizes.quick['decisions'], agents]).toEqual([decisions, 100_000]);
});

test('the soak takes as long as it is told', async () => {
  const [soak] = await selectCases(benchOptions(['F6', '--soak-minutes', '30']));
  expect(soak!.sizes.full['soakMs']).toBe(1_800_000);
  expect(() => benchOptions(['--soak-minutes', 'long'])).toThrow(/above 0, not long/);
});

test('options that do not go together are found out before anything is measured', () => {
  for (const [args, problem] of [
    [['--quick', '--claims', 'README.md'], /quick sizes are no source for claims/],
    [['--from', 'x.json', 'R1'], /--from measures nothing, so R1 would change nothing/],
    [['--from', 'x.json', '--json', 'y.json', '--resume'], /so --json --resume would/],
    [['--from', 'x.json', '--compare', 'HEAD'], /so --compare would/],
    [['--from', 'x.json', '--again', 'R1'], /so R1 --again would/],
  ] as const)
    expect(() => benchOptions(args), args.join(' ')).toThrow(problem);
  expect(benchOptions(['--from', 'x.json', '--claims', 'README.md', '--report', 'x.html']).from).toBe(
    'x.json',
  );
});

test('results are judged by the lines of now, and tell what was measured as it was then', async () => {
  const [r1] = await selectCases(benchOptions(['R1']));
  const sample = { figures: { rate: 5 }, verified: 'counted then' };
  const subjects = [resultOf('tutti', 'ours', [sample, sample, sample])];
  const then = caseResult({ ...r1!, verification: 'what was checked then', targets: [] }, {}, subjects);
  const [now] = await judgedAnew([then]);
  expect(now!.verification).toBe('what was checked then');
  expect(now!.rows.flatMap(({ verdicts }) => verdicts).length).toBeGreaterThan(0);
});

test('a word that is neither case nor group is named beside those there are', async () => {
  await expect(idsOf('R1', 'rafts')).rejects.toThrow(/no case or group RAFTS; .*R1.*raft.*million/s);
});

test('a misspelt option or group is answered with the one that was probably meant', async () => {
  expect(() => benchOptions(['--lst'])).toThrow(
    /^there is no option --lst; did you mean "--list"\?\nnpm run bench -- --help/,
  );
  expect(() => benchOptions(['--no-peer'])).toThrow(/did you mean "--no-peers"/);
  expect(() => benchOptions(['--xyzzy'])).toThrow(/^there is no option --xyzzy\nnpm run bench -- --help/);
  expect(() => benchOptions(['--json'])).toThrow(/--json.*\nnpm run bench -- --help/);
  await expect(idsOf('runtme')).rejects.toThrow(/RUNTME; did you mean "runtime"\?/);
});

test('the list has a line for each case with who takes part', async () => {
  const cases = await selectCases(benchOptions(['C1']));
  expect(caseList(cases)).toMatch(/^C1 +raft +Raft: commits per second\n +tutti, .*etcd, ra/);
});
