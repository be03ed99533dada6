import { type AnyActorLogic, assign, setup } from 'xstate';
import { reply, replyLater } from '../actor/reply.ts';

export type SubjectEvent =
  | { readonly type: 'add'; readonly n: number }
  | { readonly type: 'read' | 'silent' | 'fail' | 'end' | 'hold' }
  | { readonly type: 'echo' | 'release'; readonly value: unknown };

/** What every kind of ref is tested with: pure, so that it can be replicated too. */
export const refSubject: AnyActorLogic = setup({
  types: { context: {} as { readonly seen: readonly number[] }, events: {} as SubjectEvent },
}).createMachine({
  id: 'subject',
  context: { seen: [] },
  initial: 'open',
  states: {
    open: {
      on: {
        add: { actions: assign({ seen: ({ context, event }) => [...context.seen, event.n] }) },
        read: { actions: reply(({ context }) => context.seen) },
        echo: { actions: reply(({ event }) => event.value) },
        // Kept until as many have been released as were held before it.
        hold: { actions: replyLater() },
        release: { actions: reply(({ event }) => event.value) },
        fail: {
          actions: assign(() => {
            throw new Error('told to');
          }),
        },
        end: 'closed',
      },
    },
    closed: { type: 'final' },
  },
});

/** Fails while it is made. */
export const stillborn: AnyActorLogic = setup({}).createMachine({
  id: 'stillborn',
  context: () => {
    throw new Error('stillborn');
  },
});
