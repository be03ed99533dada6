import { type Ref, reply } from 'tutti';
import type { TestCluster } from 'tutti/testing';
import { assign, setup } from 'xstate';

/** `move` adds `by`, which is below zero for what is taken out, on behalf of a transfer. */
export type AccountEvent = { type: 'move'; by: number; transfer: string } | { type: 'show' };

/** What every account begins with. */
export const OPENING = 100;

const base = setup({
  types: {
    context: {} as { balance: number; done: readonly string[] },
    events: {} as AccountEvent,
  },
});

/**
 * An account as one writes it first: each event moves the balance. It is kept in the log, so it survives crashes; yet
 * an event that is sent again, since its answer was lost, moves the balance again.
 */
export const forgetfulAccount = base.createMachine({
  context: { balance: OPENING, done: [] },
  on: {
    move: {
      actions: [
        assign({ balance: ({ context, event }) => context.balance + event.by }),
        reply(({ context }) => context.balance),
      ],
    },
    show: { actions: reply(({ context }) => context.balance) },
  },
});

/** The same account, which knows what it has done: a transfer that comes again is answered and not done again. */
export const carefulAccount = base.createMachine({
  context: { balance: OPENING, done: [] },
  on: {
    move: [
      {
        guard: ({ context, event }) => context.done.includes(event.transfer),
        actions: reply(({ context }) => context.balance),
      },
      {
        actions: [
          assign({
            balance: ({ context, event }) => context.balance + event.by,
            done: ({ context, event }) => [...context.done, event.transfer],
          }),
          reply(({ context }) => context.balance),
        ],
      },
    ],
    show: { actions: reply(({ context }) => context.balance) },
  },
});

/** Asks an account through whichever node answers, until one does. */
export async function askAccount(cluster: TestCluster, key: string, event: AccountEvent): Promise<number> {
  for (;;) {
    const account: Ref<AccountEvent> = cluster.random.pick(cluster.nodes).ref('account', key);
    try {
      return await account.ask<number>(event, { timeoutMs: 1_000 });
    } catch {
      await cluster.sleep(100);
    }
  }
}

/** Moves money: out of one account, then into the other, each asked for until it is answered. */
export async function transfer(
  cluster: TestCluster,
  id: string,
  from: string,
  to: string,
  amount: number,
): Promise<void> {
  await askAccount(cluster, from, { type: 'move', by: -amount, transfer: id });
  await askAccount(cluster, to, { type: 'move', by: amount, transfer: id });
}
