import type { Operation } from '../operation.ts';
import type { SequentialModel } from '../sequential-model.ts';

/**
 * The dumb twin of the checker, for a handful of operations: writes down every order of every choice of them, and
 * asks of each whether it keeps to real time and whether the object would have answered so.
 */
export function linearizableByTrying<State, Input, Output>(
  operations: readonly Operation<Input, Output>[],
  model: SequentialModel<State, Input, Output>,
): boolean {
  const judged = operations.filter(({ ending }) => ending.kind !== 'failed');
  return choices(judged).some((chosen) =>
    orders(chosen).some((order) => isWitness(order, operations, model)),
  );
}

/** Whether an order explains a history: all that returned is in it, once, in real time's order, with these answers. */
export function isWitness<State, Input, Output>(
  order: readonly Operation<Input, Output>[],
  operations: readonly Operation<Input, Output>[],
  model: SequentialModel<State, Input, Output>,
): boolean {
  const isInOrderOnce = ({ ending, ...rest }: Operation<Input, Output>): boolean => {
    const times = order.filter((other) => other.calledAt === rest.calledAt).length;
    return ending.kind === 'returned' ? times === 1 : times <= (ending.kind === 'failed' ? 0 : 1);
  };
  if (!operations.every(isInOrderOnce)) return false;
  let latestCall = Number.NEGATIVE_INFINITY;
  let state = model.initial;
  for (const { input, calledAt, ending } of order) {
    // One that was placed before was called only after this had returned.
    if (ending.kind === 'returned' && ending.at < latestCall) return false;
    latestCall = Math.max(latestCall, calledAt);
    const applied = model.apply(state, input);
    if (ending.kind === 'returned' && !model.agrees(applied.output, ending.output)) return false;
    state = applied.state;
  }
  return true;
}

function choices<Input, Output>(
  operations: readonly Operation<Input, Output>[],
): Operation<Input, Output>[][] {
  return operations.reduce<Operation<Input, Output>[][]>(
    (found, operation) => {
      const withIt = found.map((chosen) => [...chosen, operation]);
      return operation.ending.kind === 'unknown' ? [...found, ...withIt] : withIt;
    },
    [[]],
  );
}

function orders<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((first, index) => orders(items.toSpliced(index, 1)).map((rest) => [first, ...rest]));
}
