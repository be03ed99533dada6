import fc from 'fast-check';
import type { Operation } from '../operation.ts';
import type { SequentialModel } from '../sequential-model.ts';

/** Small histories with answers drawn at random: some could have happened and some not. */
export function arbitraryHistory<Input, Output>(
  step: fc.Arbitrary<readonly [Input, Output]>,
): fc.Arbitrary<Operation<Input, Output>[]> {
  const moment = fc.integer({ min: 0, max: 40 });
  const kind = fc.constantFrom('returned', 'returned', 'returned', 'unknown', 'failed');
  const drawn = fc.record({ step, kind, from: moment, to: moment });
  return fc.array(drawn, { maxLength: 5 }).map((calls) =>
    calls.map(({ step: [input, output], kind, from, to }, index) => {
      // Calls at the same moment would be told apart by nothing.
      const calledAt = Math.min(from, to) + index / 100;
      const at = Math.max(from, to) + 0.5 + index / 100;
      const client = `c${index}`;
      if (kind === 'unknown') return { client, input, calledAt, ending: { kind } };
      if (kind === 'failed') return { client, input, calledAt, ending: { kind, at } };
      return { client, input, calledAt, ending: { kind: 'returned', at, output } };
    }),
  );
}

/** What one client of an honest object does: how long it takes until the object acts, then until it hears of it. */
export interface HonestCall<Input> {
  readonly client: number;
  readonly input: Input;
  readonly thinks: number;
  readonly acts: number;
  readonly answers: number;
  readonly lost: 'request' | 'answer' | undefined;
}

/** A history of an object that really is atomic, in which some requests and some answers were lost. */
export function honestHistory<State, Input, Output>(
  calls: readonly HonestCall<Input>[],
  model: SequentialModel<State, Input, Output>,
): Operation<Input, Output>[] {
  const clientFree = new Map<number, number>();
  const timed = calls.map((call, index) => {
    const from = (clientFree.get(call.client) ?? 0) + 1 + call.thinks;
    clientFree.set(call.client, from + call.acts + call.answers + 1);
    // No two calls, and no call and return, at one moment.
    const calledAt = from + index / 1_000;
    const actsAt = calledAt + call.acts;
    const at = actsAt + call.answers + 1 / 2_000;
    return { ...call, calledAt, actsAt, at };
  });
  const states = new Map<string, State>();
  const outputs = new Map<object, Output>();
  for (const call of [...timed].sort((a, b) => a.actsAt - b.actsAt)) {
    if (call.lost === 'request') continue;
    const partition = model.partition(call.input);
    const { state, output } = model.apply(states.get(partition) ?? model.initial, call.input);
    states.set(partition, state);
    outputs.set(call, output);
  }
  return timed.map((call) => {
    const { input, calledAt, at } = call;
    const ending =
      call.lost === undefined
        ? ({ kind: 'returned', at, output: outputs.get(call)! } as const)
        : ({ kind: 'unknown' } as const);
    return { client: `c${call.client}`, input, calledAt, ending };
  });
}
