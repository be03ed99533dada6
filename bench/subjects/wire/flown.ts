import { replying } from '@tutti/runtime';
import type { TuttiNode } from 'tutti';

/** A message that says when it set out, on the clock of {@link machineMs}. */
export type Flown =
  | { readonly type: 'ONE'; readonly atMs: number }
  | { readonly type: 'ALL'; readonly atMs: number; readonly isLast: boolean };

/** Who a broadcast is for. */
export const AUDIENCE = 100;

/** Milliseconds on the machine's monotonic clock, which has the same zero in every process. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** A count that both nodes hold, changed through the log. */
export function counterOf(node: TuttiNode) {
  return node.replicated(
    'counter',
    replying((count: number, _event: { type: 'ADD' }, reply) => {
      reply(count + 1);
      return count + 1;
    }, 0),
  );
}
