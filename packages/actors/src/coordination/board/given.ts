import type { Holder } from './commands.ts';
import type { Attempt } from './state.ts';

/** To whom a task is given, and how. */
export interface Given extends Holder {
  readonly why: string;
  /** Whether it is running at once, where a slot is free. */
  readonly begin: boolean;
  readonly nextFence: () => number;
}

/** An attempt that begins now, or waits for its orchestrator to say so. */
export function newAttempt(number: number, given: Given, begins: boolean, timeMs: number): Attempt {
  return {
    number,
    fence: given.nextFence(),
    node: given.node,
    incarnation: given.incarnation,
    why: given.why,
    assignedAt: timeMs,
    isHandedOver: begins,
    startedAt: begins ? timeMs : undefined,
    endedAt: undefined,
    outcome: undefined,
    problem: undefined,
  };
}
