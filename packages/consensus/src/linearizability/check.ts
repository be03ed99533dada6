import { TuttiError } from '@tutti/kernel';
import type { Operation } from './operation.ts';
import { type GaveUp, inOrderOfReturn, momentOfReturn, Search, type SearchResult } from './search.ts';
import type { SequentialModel } from './sequential-model.ts';

/** Bounds of one check; beyond them it answers `undecided`. */
export interface CheckLimits {
  /** Times that the search of one part tries an operation at a place. Default 5,000,000: some seconds. */
  readonly stepsMax?: number;
  /** Bytes of places that the search of one part remembers, roughly. Default 256 MiB. */
  readonly memoryBytesMax?: number;
}

/** Why a history is not linearizable. */
export interface NotLinearizable<State, Input, Output> {
  /** The part of the object that it happened in. */
  readonly partition: string;
  /** The operations of that part, in the order of the calls. */
  readonly operations: readonly Operation<Input, Output>[];
  /** An order for everything that had returned before {@link unplaceable} did: the longest prefix that has one. */
  readonly prefix: readonly Operation<Input, Output>[];
  /** The state of the object after each operation of {@link prefix}. */
  readonly prefixStates: readonly State[];
  /** The operation whose answer no order explains. */
  readonly unplaceable: Operation<Input, Output>;
  /** States in which it was tried, at most eight. */
  readonly triedIn: readonly State[];
}

/**
 * What came of a check: an order that explains the history, why there is none, or that it was not decided.
 */
export type Verdict<State, Input, Output> =
  | {
      readonly verdict: 'linearizable';
      readonly steps: number;
      /** For each part an order that explains every answer; a witness that anyone can check. */
      readonly orders: ReadonlyMap<string, readonly Operation<Input, Output>[]>;
    }
  | {
      readonly verdict: 'violated';
      readonly steps: number;
      readonly violation: NotLinearizable<State, Input, Output>;
    }
  /** A bound was reached first. No part that was decided is violated. */
  | {
      readonly verdict: 'undecided';
      readonly steps: number;
      readonly partitions: readonly string[];
      readonly why: GaveUp;
    };

const STEPS_MAX = 5_000_000;
const MEMORY_BYTES_MAX = 256 * 2 ** 20;

/**
 * Whether a history is linearizable (Herlihy and Wing 1990): whether there is one order of its operations that the
 * object alone, used by one client at a time, would have answered alike, and in which no operation comes before one
 * that had returned when it was called. Pure; the same history gives the same verdict.
 *
 * @example
 * const recorder = new HistoryRecorder<RegisterInput, RegisterOutput>();
 * const write = recorder.call('ann', { op: 'write', key: 'x', value: 1 });
 * write.returned('done');
 * recorder.call('bob', { op: 'read', key: 'x' }).returned(null);
 * checkLinearizable(recorder.operations(), registerModel).verdict; // 'violated': bob's read is stale
 *
 * @throws TuttiError `TUTTI_OPTION_INVALID` for an operation that returned before it was called
 */
export function checkLinearizable<State, Input, Output>(
  operations: readonly Operation<Input, Output>[],
  model: SequentialModel<State, Input, Output>,
  limits: CheckLimits = {},
): Verdict<State, Input, Output> {
  for (const operation of operations) requirePossible(operation, model);
  const orders = new Map<string, readonly Operation<Input, Output>[]>();
  const undecided: string[] = [];
  let why: GaveUp = 'steps';
  let steps = 0;
  for (const [partition, part] of partitionsOf(operations, model)) {
    const result = search(model, part, limits);
    steps += result.steps;
    if (result.found === 'order') orders.set(partition, result.order);
    else if (result.found === 'none') {
      return { verdict: 'violated', steps, violation: explain(model, partition, part, result, limits) };
    } else {
      undecided.push(partition);
      why = result.why;
    }
  }
  if (undecided.length > 0) return { verdict: 'undecided', steps, partitions: undecided, why };
  return { verdict: 'linearizable', steps, orders };
}

function search<State, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  { stepsMax = STEPS_MAX, memoryBytesMax = MEMORY_BYTES_MAX }: CheckLimits,
): SearchResult<State, Input, Output> {
  return new Search(model, operations, { stepsMax, memoryBytesMax }).run();
}

function requirePossible<State, Input, Output>(
  { calledAt, ending, input }: Operation<Input, Output>,
  model: SequentialModel<State, Input, Output>,
): void {
  if (Number.isFinite(calledAt) && (ending.kind === 'unknown' || ending.at >= calledAt)) return;
  const at = ending.kind === 'unknown' ? 'no moment' : ending.at;
  throw new TuttiError('TUTTI_OPTION_INVALID', {
    option: 'A history',
    value: `${model.describe(input)}, called at ${calledAt} and returned at ${at}`,
    expected: 'operations that are called at a finite moment and return no earlier',
  });
}

function partitionsOf<State, Input, Output>(
  operations: readonly Operation<Input, Output>[],
  model: SequentialModel<State, Input, Output>,
): Map<string, Operation<Input, Output>[]> {
  const partitions = new Map<string, Operation<Input, Output>[]>();
  for (const operation of operations) {
    const key = model.partition(operation.input);
    const part = partitions.get(key);
    if (part) part.push(operation);
    else partitions.set(key, [operation]);
  }
  return partitions;
}

/**
 * The history as it was known when the first `count` returns had come: what returned later was still open, what was
 * called later did not exist.
 */
function asKnownAfter<Input, Output>(
  operations: readonly Operation<Input, Output>[],
  count: number,
): Operation<Input, Output>[] {
  const first = inOrderOfReturn(operations).slice(0, count);
  const last = first.at(-1);
  const until = last ? momentOfReturn(last) : Number.NEGATIVE_INFINITY;
  const returned = new Set(first);
  return operations
    .filter(({ calledAt, ending }) => calledAt <= until && ending.kind !== 'failed')
    .map((operation) =>
      returned.has(operation) ? operation : { ...operation, ending: { kind: 'unknown' } },
    );
}

/** Finds the first return that ends every order. Prefixes of linearizable histories are linearizable, so it is one. */
function explain<State, Input, Output>(
  model: SequentialModel<State, Input, Output>,
  partition: string,
  operations: readonly Operation<Input, Output>[],
  failed: Extract<SearchResult<State, Input, Output>, { found: 'none' }>,
  limits: CheckLimits,
): NotLinearizable<State, Input, Output> {
  const returns = inOrderOfReturn(operations);
  const after = (count: number) => search(model, asKnownAfter(operations, count), limits);
  // The search may have left a branch early for what it knew of the future, so the prefix may be longer than it saw.
  let possible = failed.deepest;
  let impossible = returns.length;
  let nearest: typeof failed = failed;
  for (let probe = possible + 1; impossible - possible > 1; probe = (possible + impossible) >> 1) {
    const result = after(probe);
    if (result.found === 'gave up') break;
    if (result.found === 'none') [impossible, nearest] = [probe, result];
    else possible = probe;
  }
  const found = after(possible);
  const prefix = found.found === 'order' ? found.order : [];
  let state = model.initial;
  return {
    partition,
    operations: [...operations].sort((a, b) => a.calledAt - b.calledAt),
    prefix,
    prefixStates: prefix.map(({ input }) => (state = model.apply(state, input).state)),
    unplaceable: returns[impossible - 1]!,
    triedIn: nearest.states,
  };
}
