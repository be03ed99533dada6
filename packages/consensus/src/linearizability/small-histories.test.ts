import { describe, expect, test } from 'vitest';
import { checkLinearizable } from './check.ts';
import { describeVerdict } from './describe-verdict.ts';
import {
  type RegisterInput,
  type RegisterOutput,
  type RegisterValue,
  registerModel,
} from './models/register.ts';
import { type Ending, HistoryRecorder, type Operation } from './operation.ts';

type Register = Operation<RegisterInput, RegisterOutput>;
const key = 'x';

/**
 * A history drawn with a ruler: each line is one client's call, from `<` or `|` to `>`, or to `~` where nobody knows
 * the outcome, `!` where it failed. Columns are moments.
 */
function drawn(picture: string): Register[] {
  const lines = picture.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line, index) => {
    const calledAt = line.indexOf('<');
    const end = /[>~!]/.exec(line)!;
    const [op, first, second, answer] = line
      .slice(calledAt + 1, end.index)
      .trim()
      .split(/[\s:]+/);
    const value = (text: string | undefined): RegisterValue => (text === 'nil' ? null : Number(text));
    const inputs: Record<string, () => [RegisterInput, RegisterOutput]> = {
      r: () => [{ op: 'read', key }, value(first)],
      w: () => [{ op: 'write', key, value: value(first) }, 'done'],
      cas: () => [{ op: 'cas', key, from: value(first), to: value(second) }, answer !== 'no'],
    };
    const [input, output] = inputs[op!]!();
    const endings: Record<string, Ending<RegisterOutput>> = {
      '>': { kind: 'returned', at: end.index, output },
      '~': { kind: 'unknown' },
      '!': { kind: 'failed', at: end.index },
    };
    return { client: `c${index}`, input, calledAt, ending: endings[end[0]]! };
  });
}

const judge = (picture: string) => checkLinearizable(drawn(picture), registerModel);

describe('small histories', () => {
  test.each<[string, string]>([
    ['nothing at all', ''],
    ['a read that overlaps a write sees the value before it', '<w 1      >\n  <r nil >'],
    ['a read that overlaps a write sees the value after it', '<w 1    >\n  <r 1 >'],
    [
      'two reads in one write see the new value from some moment on',
      '<w 1                    >\n <r nil >\n           <r 1 >',
    ],
    ['a write without an answer took effect much later', '<w 1 ~\n      <r nil >\n               <r 1 >'],
    ['a write without an answer never took effect', '<w 1 ~\n      <r nil >\n               <r nil >'],
    [
      'a comparison without an answer is the only one who could',
      '<w 1 >\n       <cas 1 2 ~\n          <r 2 >',
    ],
    ['a read without an answer constrains nothing', '<w 1 >\n       <r 5 ~\n         <r 1 >'],
    ['a read that failed constrains nothing', '<w 1 >\n       <r 5 !\n           <r 1 >'],
    ['two comparisons for the same value, one of which is told no', '<w 1 >\n  <cas 1 2 >\n <cas 1 3 no >'],
  ])('linearizable: %s', (_name, picture) => {
    const verdict = judge(picture);
    expect(verdict.verdict, describeVerdict(verdict, registerModel)).toBe('linearizable');
  });

  test.each<[string, string]>([
    ['a read after a write sees the value before it', '<w 1 >\n       <r nil >'],
    [
      'what one read has seen, a later one does not',
      '<w 1                     >\n  <r 1 >\n         <r nil >',
    ],
    ['a write that failed is seen', '<w 1 !\n       <r 1 >'],
    ['a write without an answer is seen before it was called', '<r 1 >\n       <w 1 ~'],
    [
      'a write without an answer takes effect twice',
      '<w 1 ~\n  <w 2 ~\n   <r 1 >\n         <r 2 >\n               <r 1 >',
    ],
    ['two comparisons for the same value both succeed', '<w 1 >\n       <cas 1 2 >\n         <cas 1 2 >'],
    ['a comparison is told no where it matched', '<w 1 >\n       <cas 1 2 no >'],
    [
      'two reads see two writes in two orders',
      '<w 1                 >\n<w 2                 >\n <r 1 >\n        <r 2 >\n <r 2 >\n        <r 1 >',
    ],
  ])('not linearizable: %s', (_name, picture) => {
    expect(judge(picture).verdict).toBe('violated');
  });

  test('where different keys only look bad together, the history is linearizable', () => {
    const at = (client: string, input: RegisterInput, from: number, to: number, output: RegisterOutput) =>
      ({ client, input, calledAt: from, ending: { kind: 'returned', at: to, output } }) as const;
    const operations = [
      at('a', { op: 'write', key: 'x', value: 1 }, 0, 1, 'done'),
      at('b', { op: 'read', key: 'y' }, 2, 3, null),
      at('b', { op: 'read', key: 'x' }, 4, 5, 1),
    ];
    expect(checkLinearizable(operations, registerModel).verdict).toBe('linearizable');
    const same = operations.map((operation) => ({ ...operation, input: { ...operation.input, key: 'x' } }));
    expect(checkLinearizable(same, registerModel).verdict).toBe('violated');
  });
});

test('a violation is told so that a reader can follow it', () => {
  const recorder = new HistoryRecorder<RegisterInput, RegisterOutput>();
  recorder.call('ann', { op: 'write', key, value: 1 }).returned('done');
  const slow = recorder.call('bob', { op: 'write', key, value: 2 });
  recorder.call('cid', { op: 'cas', key, from: 1, to: 3 }).returned(true);
  recorder.call('dan', { op: 'read', key }).returned(1);
  slow.returned('done');
  const verdict = checkLinearizable(recorder.operations(), registerModel);
  expect(`${describeVerdict(verdict, registerModel)}\n`).toBe(
    `not linearizable: register "x", 4 operations
what had returned before has an order:
  [0..1] ann: write 1 -> done  |  then 1
  [3..4] cid: cas 1 to 3 -> swapped  |  then 3
this has no place in it or in any other:
  [5..6] dan: read -> 1
it was tried in the states 3 or 2
what went on meanwhile:
  [2..7] bob: write 2 -> done
`,
  );
});
