import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkLinearizable } from './check.ts';
import { describeVerdict } from './describe-verdict.ts';
import { type KeyValueInput, type KeyValueOutput, keyValueModel } from './models/key-value.ts';
import { type ListInput, type ListOutput, listAppendModel } from './models/list-append.ts';
import { type RegisterInput, type RegisterOutput, registerModel } from './models/register.ts';
import { HistoryRecorder, type Operation } from './operation.ts';
import { momentOfReturn } from './search.ts';
import type { SequentialModel } from './sequential-model.ts';
import { arbitraryHistory, type HonestCall, honestHistory } from './testing/arbitrary-history.ts';
import { isWitness, linearizableByTrying } from './testing/brute-force.ts';

const RUNS = { numRuns: 400 };
const key = 'x';
const small = fc.integer({ min: 0, max: 2 });
const word = fc.constantFrom('a', 'b');
const places: fc.Arbitrary<ListOutput> = fc.constantFrom(undefined, 0, 1);

const registerStep: fc.Arbitrary<readonly [RegisterInput, RegisterOutput]> = fc.oneof(
  fc.option(small).map((value) => [{ op: 'read', key }, value] as const),
  small.map((value) => [{ op: 'write', key, value }, 'done'] as const),
  fc
    .tuple(small, small, fc.boolean())
    .map(([from, to, done]) => [{ op: 'cas', key, from, to }, done] as const),
);
const storeStep: fc.Arbitrary<readonly [KeyValueInput, KeyValueOutput]> = fc.oneof(
  fc.constantFrom('', 'a', 'b', 'ab', 'ba').map((value) => [{ op: 'get', key }, value] as const),
  word.map((value) => [{ op: 'put', key, value }, null] as const),
  word.map((value) => [{ op: 'append', key, value }, null] as const),
);
const listStep: fc.Arbitrary<readonly [ListInput, ListOutput]> = fc.oneof(
  fc.array(word, { maxLength: 2 }).map((list) => [{ op: 'read', key }, list] as const),
  fc.tuple(word, places).map(([element, place]) => [{ op: 'append', key, element }, place] as const),
);

/** Compares with the twin, and says how often the verdict was which. */
function compare<State, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  step: fc.Arbitrary<readonly [Input, Output]>,
): { linearizable: number; violated: number } {
  const seen = { linearizable: 0, violated: 0 };
  fc.assert(
    fc.property(arbitraryHistory(step), (operations) => {
      const verdict = checkLinearizable(operations, model);
      const expected = linearizableByTrying(operations, model) ? 'linearizable' : 'violated';
      expect(verdict.verdict, describeVerdict(verdict, model)).toBe(expected);
      seen[expected]++;
    }),
    RUNS,
  );
  return seen;
}

describe('beside a twin that tries every order', () => {
  test('a register is judged alike', () => {
    const { linearizable, violated } = compare(registerModel, registerStep);
    expect(Math.min(linearizable, violated)).toBeGreaterThan(RUNS.numRuns / 20);
  });

  test('a key-value store is judged alike', () => {
    const { linearizable, violated } = compare(keyValueModel, storeStep);
    expect(Math.min(linearizable, violated)).toBeGreaterThan(RUNS.numRuns / 20);
  });

  test('a list is judged alike, though the search leaves branches early that cannot grow into it', () => {
    const { linearizable, violated } = compare(listAppendModel, listStep);
    expect(Math.min(linearizable, violated)).toBeGreaterThan(RUNS.numRuns / 20);
  });

  test.each<[string, () => void]>([
    ['a register', () => prefixIsLongest(registerModel, registerStep)],
    ['a list', () => prefixIsLongest(listAppendModel, listStep)],
  ])('the prefix given for a violation is the longest: %s', (_name, holds) => holds());
});

/** The operations as they stood when `until` was past: what had not returned was open. */
function knownAt<Input, Output>(until: number, operations: readonly Operation<Input, Output>[]) {
  return operations
    .filter(({ calledAt }) => calledAt <= until)
    .map(
      (operation): Operation<Input, Output> =>
        operation.ending.kind === 'returned' && operation.ending.at > until
          ? { ...operation, ending: { kind: 'unknown' } }
          : operation,
    );
}

function prefixIsLongest<State, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  step: fc.Arbitrary<readonly [Input, Output]>,
): void {
  const property = fc.property(arbitraryHistory(step), (operations) => {
    const verdict = checkLinearizable(operations, model);
    if (verdict.verdict !== 'violated') return;
    const { unplaceable, prefix } = verdict.violation;
    const at = momentOfReturn(unplaceable);
    expect(linearizableByTrying(knownAt(at, operations), model)).toBe(false);
    const returnedBefore = operations.filter(({ ending }) => ending.kind === 'returned' && ending.at < at);
    const lastReturn = Math.max(-1, ...returnedBefore.map(momentOfReturn));
    expect(isWitness(prefix, knownAt(lastReturn, operations), model)).toBe(true);
  });
  fc.assert(property, RUNS);
}

const honestCalls = (steps: fc.Arbitrary<RegisterInput>): fc.Arbitrary<HonestCall<RegisterInput>[]> =>
  fc.array(
    fc.record({
      client: fc.integer({ min: 0, max: 4 }),
      input: steps,
      thinks: fc.integer({ min: 0, max: 5 }),
      acts: fc.integer({ min: 0, max: 20 }),
      answers: fc.integer({ min: 0, max: 20 }),
      lost: fc.constantFrom(
        undefined,
        undefined,
        undefined,
        undefined,
        'request' as const,
        'answer' as const,
      ),
    }),
    { minLength: 40, maxLength: 120 },
  );
const keyedStep = fc
  .tuple(registerStep, fc.constantFrom('x', 'y'))
  .map(([[input], key]): RegisterInput => ({ ...input, key }));

describe('histories of an object that is atomic', () => {
  test('are found linearizable, with an order that explains every answer', () => {
    const property = fc.property(honestCalls(keyedStep), (calls) => {
      const operations = honestHistory(calls, registerModel);
      const verdict = checkLinearizable(operations, registerModel);
      expect(verdict.verdict, describeVerdict(verdict, registerModel)).toBe('linearizable');
      for (const [key, order] of verdict.verdict === 'linearizable' ? verdict.orders : []) {
        const part = operations.filter(({ input }) => input.key === key);
        expect(isWitness(order, part, registerModel)).toBe(true);
      }
    });
    fc.assert(property, { numRuns: 60 });
  });

  test('with one read of a value that nobody wrote are not, and that read is named', () => {
    const property = fc.property(honestCalls(keyedStep), fc.nat(), (calls, pick) => {
      const operations = honestHistory(calls, registerModel);
      const reads = operations.filter(
        ({ input, ending }) => input.op === 'read' && ending.kind === 'returned',
      );
      const lied = reads[pick % Math.max(1, reads.length)];
      if (lied?.ending.kind !== 'returned') return;
      const lie = { ...lied, ending: { ...lied.ending, output: 'never written' } };
      const history = operations.map((operation) => (operation === lied ? lie : operation));
      const verdict = checkLinearizable(history, registerModel);
      expect(verdict).toMatchObject({ verdict: 'violated', violation: { unplaceable: lie } });
    });
    fc.assert(property, { numRuns: 60 });
  });
});

describe('bounds', () => {
  /** Writes that all overlap, and a read of what none of them wrote: every order of every choice must be excluded. */
  function hard(writes: number): readonly Operation<ListInput, ListOutput>[] {
    const recorder = new HistoryRecorder<ListInput, ListOutput>();
    const calls = Array.from({ length: writes }, (_, element) =>
      recorder.call(`c${element}`, { op: 'append', key, element }),
    );
    for (const call of calls) call.returned(undefined);
    recorder.call('reader', { op: 'read', key }).returned([99]);
    return recorder.operations();
  }
  const blind: SequentialModel<readonly (string | number)[], ListInput, ListOutput> = {
    ...listAppendModel,
    canFollow: () => undefined,
  };

  test('a search that reaches its steps or its memory says so and names the part', () => {
    const steps = checkLinearizable(hard(8), blind, { stepsMax: 1_000 });
    expect(steps).toEqual({ verdict: 'undecided', steps: 1_000, partitions: [key], why: 'steps' });
    const memory = checkLinearizable(hard(8), blind, { memoryBytesMax: 10_000 });
    expect(memory).toMatchObject({ verdict: 'undecided', partitions: [key], why: 'memory' });
    expect(describeVerdict(memory, blind)).toMatch(/^undecided after \d+ steps: the search of "x" reached/);
    expect(checkLinearizable(hard(5), blind).verdict).toBe('violated');
  });

  test('a violation elsewhere is found all the same', () => {
    const other: Operation<ListInput, ListOutput> = {
      client: 'late',
      input: { op: 'read', key: 'y' },
      calledAt: 1_000,
      ending: { kind: 'returned', at: 1_001, output: ['?'] },
    };
    const verdict = checkLinearizable([...hard(8), other], blind, { stepsMax: 1_000 });
    expect(verdict).toMatchObject({ verdict: 'violated', violation: { partition: 'y' } });
  });

  test('what a growing list can still become spares the search of its orders', () => {
    const verdict = checkLinearizable(hard(40), listAppendModel, { stepsMax: 1_000 });
    expect(verdict).toMatchObject({ verdict: 'violated', violation: { unplaceable: { client: 'reader' } } });
  });

  test('a recorder is full at its limit', () => {
    const recorder = new HistoryRecorder<RegisterInput, RegisterOutput>(1);
    recorder.call('a', { op: 'read', key });
    const full = expect.objectContaining({ code: 'TUTTI_OVERLOADED' });
    expect(() => recorder.call('b', { op: 'read', key })).toThrow(full);
  });

  test('an operation that returned before it was called is refused', () => {
    const input: RegisterInput = { op: 'read', key };
    const ending = { kind: 'returned', at: 1, output: null } as const;
    const impossible = [{ client: 'a', input, calledAt: 2, ending }];
    const refused = expect.objectContaining({ code: 'TUTTI_OPTION_INVALID' });
    expect(() => checkLinearizable(impossible, registerModel)).toThrow(refused);
  });
});
