import { expect, test } from 'vitest';
import { caseResult, type ResultDocument } from '../harness/results.ts';
import { limitOf } from '../harness/say.ts';
import type { SubjectResult } from '../harness/subject-result.ts';
import { resultTable, summaryText } from '../harness/table.ts';
import { benchOf } from '../harness/testing/bench-of.ts';
import { benchReport } from './bench-report.ts';
import { chart } from './chart.ts';

function documentOf(): ResultDocument {
  const bench = benchOf({
    title: 'A <case>',
    targets: [
      { level: 'floor', figure: 'rate', value: 2, against: { subject: 'peer' } },
      { level: 'aim', figure: 'rate', value: 4, against: { subject: 'peer' } },
    ],
    curves: [{ id: 'scaling', title: 'Cost of n', x: 'n', y: 'ms', logarithmic: true, statedSlope: 2 }],
  });
  const points = [10, 100, 1_000].map((x) => ({ x, y: x ** 2 }));
  const ours = { figures: { rate: 300 }, curves: { scaling: points }, verified: 'counted & found' };
  const peer = { figures: { rate: 100 }, verified: '' };
  const subjects: SubjectResult[] = [
    {
      id: 'ours',
      kind: 'ours',
      title: 'Ours',
      configuration: 'defaults',
      failures: [],
      samples: [ours, ours, ours],
    },
    {
      id: 'peer',
      kind: 'peer',
      title: 'Peer',
      configuration: 'as it says',
      failures: [],
      samples: [peer, peer, peer],
    },
    {
      id: 'gone',
      kind: 'peer',
      title: 'Gone',
      configuration: '',
      skipped: 'gone is not on PATH',
      failures: [],
      samples: [],
    },
  ];
  return {
    format: 1,
    startedAt: '2026-11-20T12:00:00.000Z',
    endedAt: '2026-11-20T12:10:00.000Z',
    quick: false,
    machine: {
      processor: 'A & B',
      cores: 2,
      memoryBytes: 8e9,
      system: 'Linux 6',
      node: 'v24.0.0',
      v8: '13',
      versions: { etcd: '3.4' },
      commit: 'abcdef0123456789',
      loadBefore: [0.1, 0.2, 0.3],
    },
    loadAfter: [1, 1, 1],
    cases: [caseResult(bench, { n: 2 }, subjects)],
  };
}

test('the page holds the ratio, both verdicts, the slope, and who was not there', () => {
  const page = benchReport(documentOf());
  expect(page).toContain('3x Peer');
  expect(page).toContain('floor 2x peer: met (3x)');
  expect(page).toContain('aim 4x peer: not met (3x)');
  expect(page).toContain('slope 2.00; stated 2');
  expect(page).toContain('Gone was skipped: gone is not on PATH.');
});

test('a line whose sample failed is not met, and says so wherever it stands', () => {
  const { cases } = documentOf();
  const subjects = cases[0]!.subjects.map((one) =>
    one.id === 'ours' ? { ...one, failures: ['lost'] } : one,
  );
  const targets = [{ level: 'floor', figure: 'rate', value: 2 }] as const;
  const failed = caseResult(benchOf({ targets }), {}, subjects);
  const none = caseResult(benchOf({ targets }), {}, [{ ...subjects[0]!, samples: [] }]);
  const word = 'not met, 1 of 4 samples failed (300 msg/s)';
  expect(resultTable([failed], false)).toContain(`floor 2 msg/s: ${word}`);
  expect(resultTable([none], false)).toContain('no figure | floor 2 msg/s: not met, 1 of 1 samples failed');
  expect(summaryText([failed, none], false)).toContain('floors met: 0 of 2; not met: X1.rate 2 msg/s, X1');
  const page = benchReport({ ...documentOf(), cases: [failed, none] });
  expect(page).toContain(`<span class="missed">${word}</span>`);
  expect(page).toContain('<td>no figure</td>');
});

test('beside a line that is not met stand the arithmetic and where the time went; a peer that is ahead is named', () => {
  const { cases } = documentOf();
  const bench = benchOf({
    targets: [{ level: 'floor', figure: 'rate', value: 400 }],
    limits: [limitOf('rate', { own: ['ours', 'rate'] }, ({ own }) => `${own} is all there is`)],
  });
  const profile = { busyMs: 12, lines: [{ name: 'step', place: 'a/b.ts:3', share: 0.5 }] };
  const faster = { figures: { rate: 600 }, verified: '' };
  const subjects = cases[0]!.subjects.map((one) => {
    if (one.id === 'ours') return { ...one, profile };
    return one.id === 'peer' ? { ...one, samples: [faster, faster, faster] } : one;
  });
  const page = benchReport({ ...documentOf(), cases: [caseResult(bench, {}, subjects)] });
  expect(page).toContain('<strong>Why not more</strong> (the rate): 300 is all there is');
  expect(page).toContain('Where Ours spends its time');
  expect(page).toContain('<span>50.0 %</span> <code>step</code> <small>a/b.ts:3</small>');
  expect(page).toContain('Peer is 2x ahead (600 msg/s against 300 msg/s of Ours)');
  expect(page).toContain('<strong>Peer</strong>: as it says.');
});

test('a line that is met by one sample is counted as met in doubt', () => {
  const { cases } = documentOf();
  const subjects = cases[0]!.subjects.map((one) => ({ ...one, samples: one.samples.slice(0, 1) }));
  const targets = [{ level: 'floor', figure: 'rate', value: 2 }] as const;
  const once = caseResult(benchOf({ targets }), {}, subjects);
  expect(summaryText([once], false)).toMatch(/^floors met: 1 of 1, 1 of them in doubt$/m);
  expect(benchReport({ ...documentOf(), cases: [once] })).toContain('1 of 1 met, 1 of them in doubt');
  expect(benchReport(documentOf())).not.toContain('of them in doubt');
});

test('the page asks nothing of the network, runs no script, and lets no text become markup', () => {
  const page = benchReport(documentOf());
  expect(page).not.toMatch(/<script|<link|<img|https?:|url\(|@import/);
  expect(page).toContain('A &lt;case&gt;');
  expect(page).toContain('A &amp; B');
  expect(page).toContain('prefers-color-scheme: dark');
});

test('the table says the same in text', () => {
  const text = resultTable(documentOf().cases, false);
  expect(text).toContain('3x peer (100 msg/s)');
  expect(text).toContain('floor 2x peer: met (3x); aim 4x peer: not met (3x)');
  expect(text).toContain('skipped gone: gone is not on PATH');
});

test('the verdicts on a quick run are marked as such, wherever they stand', () => {
  const { cases } = documentOf();
  expect(resultTable(cases, true)).toContain('floor 2x peer: met at quick sizes (3x)');
  expect(summaryText(cases, true)).toMatch(
    /^floors met at quick sizes, which are not to be quoted: 1 of 1$/m,
  );
  const page = benchReport({ ...documentOf(), quick: true });
  const verdicts = [...page.matchAll(/class="(?:met|missed)">([^<]*)</g)].map(([, text]) => text!);
  expect(verdicts.length).toBeGreaterThanOrEqual(4);
  for (const text of verdicts) expect(text).toContain('met at quick sizes');
  expect(benchReport(documentOf())).not.toContain('quick sizes');
});

test('axes have round numbers on them, and no more than can be read', () => {
  const spec = { id: 'c', title: 'C', x: 'clients', y: 'rate' };
  const ticksOf = (logarithmic: boolean, points: { x: number; y: number }[]) =>
    [...chart({ ...spec, logarithmic }, [{ name: 'ours', points }]).matchAll(/middle"[^>]*>([^<]+)</g)].map(
      (found) => found[1],
    );
  expect(
    ticksOf(false, [
      { x: 1, y: 1 },
      { x: 7, y: 9 },
    ]),
  ).toEqual(['0', '2', '4', '6']);
  expect(
    ticksOf(true, [
      { x: 1, y: 1 },
      { x: 1_024, y: 9 },
    ]),
  ).toEqual(['1', '10', '100', '1k']);
  expect(
    ticksOf(true, [
      { x: 3, y: 1 },
      { x: 4, y: 9 },
    ]),
  ).toEqual(['3', '4']);
});

test('what has no place on a logarithmic axis is left out, and a curve of nothing else is not drawn', () => {
  const spec = { id: 'c', title: 'C', x: 'n', y: 'ms', logarithmic: true, statedSlope: 1 };
  const drawn = chart(spec, [
    {
      name: 'ours',
      points: [
        { x: 1, y: 0 },
        { x: 10, y: 2 },
        { x: 100, y: 20 },
        { x: 1_000, y: Number.NaN },
      ],
    },
    { name: 'none', points: [{ x: 10, y: 0 }] },
  ]);
  expect(drawn).toContain('ours: slope 1.00; stated 1');
  expect(drawn.match(/<circle/g)).toHaveLength(2);
  expect(drawn).not.toMatch(/NaN|Infinity|none/);
  expect(chart(spec, [{ name: 'ours', points: [{ x: 1, y: 0 }] }])).toBe('');
});
