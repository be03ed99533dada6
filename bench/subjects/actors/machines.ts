import { assign, setup } from 'xstate';
import type { Arrivals } from './arrivals.ts';

/** A flat machine: one state, one transition that counts in the context. */
export function countingMachine(arrivals: Arrivals) {
  return setup({
    types: { context: {} as { readonly n: number }, events: {} as { readonly type: 'ADD' } },
  }).createMachine({
    context: { n: 0 },
    initial: 'open',
    states: {
      open: {
        on: {
          ADD: {
            actions: assign(({ context }) => {
              arrivals.arrive();
              return { n: context.n + 1 };
            }),
          },
        },
      },
    },
  });
}

/** Two states and a guard, so that each event moves it: nearer to machines that people write. */
export function togglingMachine(arrivals: Arrivals) {
  return setup({
    types: { context: {} as { readonly n: number }, events: {} as { readonly type: 'ADD' } },
    guards: { isOpen: ({ context }) => context.n >= 0 },
    actions: {
      count: assign(({ context }) => {
        arrivals.arrive();
        return { n: context.n + 1 };
      }),
    },
  }).createMachine({
    context: { n: 0 },
    initial: 'left',
    states: {
      left: { on: { ADD: { guard: 'isOpen', target: 'right', actions: 'count' } } },
      right: { on: { ADD: { guard: 'isOpen', target: 'left', actions: 'count' } } },
    },
  });
}
