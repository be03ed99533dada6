import { assign, setup } from 'xstate';
import type {
  DelegationEnd,
  DelegationEvent,
  DelegationKind,
} from '../coordination/delegation/delegation-table.ts';

const TYPES = {} as {
  context: { readonly kind: DelegationKind; readonly end: DelegationEnd | undefined };
  events: { readonly type: DelegationEvent };
  input: { readonly kind: DelegationKind };
};

const ends = (end: DelegationEnd) =>
  ({ target: 'ended', actions: { type: 'endAs', params: { end } } }) as const;

/**
 * The life of a delegation as an XState machine: what `delegationStep` has to agree with. One attempt at one task, from
 * the offer to the report: accepted (the start is being logged) -> running -> completing or failing (the end is being
 * logged) -> ended. What was handed over begins at its work, and what a crash left running is only given back.
 */
export const delegationModel = setup({
  types: TYPES,
  actions: { endAs: assign({ end: (_, { end }: { readonly end: DelegationEnd }) => end }) },
  guards: {
    isOrphaned: ({ context }) => context.kind === 'orphaned',
    isHandedOver: ({ context }) => context.kind === 'handed-over',
  },
}).createMachine({
  id: 'delegation',
  context: ({ input }) => ({ kind: input.kind, end: undefined }),
  initial: 'offered',
  states: {
    offered: {
      always: [
        { guard: 'isOrphaned', target: 'returning' },
        { guard: 'isHandedOver', target: 'running' },
        { target: 'accepted' },
      ],
    },
    accepted: {
      on: {
        cancel: ends('cancelled'),
        logged: 'running',
        refused: ends('stale'),
        'too-large': ends('stale'),
        closed: ends('abandoned'),
      },
    },
    running: {
      on: {
        cancel: ends('cancelled'),
        'work-done': 'completing',
        'work-failed': 'failing',
        timeout: 'failing',
      },
    },
    completing: {
      on: {
        logged: ends('done'),
        'too-large': 'failing',
        refused: ends('stale'),
        closed: ends('abandoned'),
      },
    },
    failing: {
      on: {
        logged: ends('failed'),
        refused: ends('stale'),
        'too-large': ends('stale'),
        closed: ends('abandoned'),
      },
    },
    returning: {
      on: {
        logged: ends('returned'),
        refused: ends('stale'),
        'too-large': ends('stale'),
        closed: ends('abandoned'),
      },
    },
    ended: { type: 'final' },
  },
});
