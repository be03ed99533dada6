import type { NotLinearizable, Verdict } from './check.ts';
import type { Operation } from './operation.ts';
import { momentOfReturn } from './search.ts';
import type { SequentialModel } from './sequential-model.ts';

/** Operations of the order that are written out; those before them are only counted. */
const ORDER_LINES_MAX = 12;
const TEXT_MAX = 120;

/** A verdict as text: one line if all is well, else what has an order, what has none, and what was going on. */
export function describeVerdict<State, Input, Output>(
  verdict: Verdict<State, Input, Output>,
  model: SequentialModel<State, Input, Output>,
): string {
  if (verdict.verdict === 'violated') return describeViolation(verdict.violation, model);
  if (verdict.verdict === 'linearizable') {
    const { orders, steps } = verdict;
    return `linearizable: ${model.name}, ${counted(orders.size, 'part')}, ${counted(steps, 'step')}`;
  }
  const { partitions, why, steps } = verdict;
  const parts = partitions.map((partition) => JSON.stringify(partition)).join(', ');
  return `undecided after ${counted(steps, 'step')}: the search of ${parts} reached its bound of ${why}`;
}

function describeViolation<State, Input, Output>(
  violation: NotLinearizable<State, Input, Output>,
  model: SequentialModel<State, Input, Output>,
): string {
  const { partition, operations, prefix, unplaceable, triedIn } = violation;
  const line = (operation: Operation<Input, Output>): string => describeOperation(operation, model);
  const skipped = Math.max(0, prefix.length - ORDER_LINES_MAX);
  const shown = prefix.slice(skipped).map((operation, index) => {
    const state = violation.prefixStates[skipped + index]!;
    return `  ${line(operation)}  |  then ${short(model.describeState(state))}`;
  });
  const around = operations.filter((other) => other !== unplaceable && overlap(other, unplaceable));
  const lines = [
    `not linearizable: ${model.name} ${JSON.stringify(partition)}, ${counted(operations.length, 'operation')}`,
    `what had returned before has an order${skipped > 0 ? ` (the last ${shown.length} of ${prefix.length})` : ''}:`,
    ...(shown.length > 0 ? shown : ['  nothing had returned']),
    'this has no place in it or in any other:',
    `  ${line(unplaceable)}`,
    `it was tried in the ${triedIn.length === 1 ? 'state' : 'states'} ${triedIn.map((state) => short(model.describeState(state))).join(' or ')}`,
  ];
  if (around.length > 0) lines.push('what went on meanwhile:', ...around.map((other) => `  ${line(other)}`));
  return lines.join('\n');
}

/** One operation on one line: when, who, what, and what was answered. */
export function describeOperation<State, Input, Output>(
  { client, input, calledAt, ending }: Operation<Input, Output>,
  model: SequentialModel<State, Input, Output>,
): string {
  const when = ending.kind === 'unknown' ? `${calledAt}..` : `${calledAt}..${ending.at}`;
  return `[${when}] ${client}: ${short(model.describe(input))} -> ${answer()}`;

  function answer(): string {
    if (ending.kind === 'returned') return short(model.describeOutput(input, ending.output));
    return ending.kind === 'failed' ? 'failed' : 'no answer';
  }
}

function overlap(a: Operation<unknown, unknown>, b: Operation<unknown, unknown>): boolean {
  return a.calledAt <= momentOfReturn(b) && b.calledAt <= momentOfReturn(a);
}

function short(text: string): string {
  return text.length <= TEXT_MAX ? text : `${text.slice(0, 40)} ... ${text.slice(-(TEXT_MAX - 45))}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
