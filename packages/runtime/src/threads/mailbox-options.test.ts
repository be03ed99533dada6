import { isTuttiError } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { type EventObject, setup } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { reply, replying } from '../actor/reply.ts';
import type { MailboxOptions } from '../mailbox/mailbox-options.ts';
import { threadWorld } from '../testing/thread-world.ts';

type Event = EventObject & { readonly n: number };

const open = (seen: number[]) =>
  replying((_: undefined, { n }: Event, answer) => {
    seen.push(n);
    answer(n);
    return undefined;
  }, undefined);

/** Puts everything off until it is told to go. */
const patient = (seen: number[]) =>
  setup({ types: { events: {} as Event } }).createMachine({
    initial: 'busy',
    states: {
      busy: { meta: { defer: ['add'] }, on: { go: 'open' } },
      open: {
        on: { add: { actions: [({ event }) => void seen.push(event.n), reply(({ event }) => event.n)] } },
      },
    },
  });

interface Case {
  readonly mailbox: MailboxOptions;
  readonly logic?: 'patient';
  /** Of the numbers from 0 to 5, in order. */
  readonly handled: readonly number[];
  /** What who asked with the 5 is told. */
  readonly told: number | string;
  readonly lost: Readonly<Record<string, number>>;
}

const byNumber = { lanes: 2, laneOf: (event: EventObject) => (event as Event).n % 2 };

/** `defer` is not among them: it is refused for an actor of a thread, which alone knows its state. */
const CASES: Readonly<Record<Exclude<keyof MailboxOptions, 'defer'>, readonly Case[]>> = {
  limit: [
    { mailbox: { limit: 2 }, handled: [0, 1, 2], told: 'TUTTI_OVERLOADED', lost: { 'overflow-new': 3 } },
  ],
  overflow: [
    {
      mailbox: { limit: 2, overflow: 'drop-new' },
      handled: [0, 1, 2],
      told: 'TUTTI_ASK_TIMEOUT',
      lost: { 'overflow-new': 3 },
    },
    {
      mailbox: { limit: 2, overflow: 'drop-old' },
      handled: [0, 4, 5],
      told: 5,
      lost: { 'overflow-old': 3 },
    },
  ],
  deferLimit: [
    {
      mailbox: { limit: 2, overflow: 'defer', deferLimit: 1 },
      handled: [0, 1, 2, 3],
      told: 'TUTTI_OVERLOADED',
      lost: { 'overflow-new': 2 },
    },
  ],
  priority: [{ mailbox: { priority: byNumber }, handled: [0, 2, 4, 1, 3, 5], told: 5, lost: {} }],
  stashLimit: [
    {
      mailbox: { stashLimit: 2 },
      logic: 'patient',
      handled: [0, 1],
      told: 'TUTTI_OVERLOADED',
      lost: { 'stash-full': 4 },
    },
  ],
};

/** Sends the 0, and the others while the actor has not come to that, or while it could not be handled if it had. */
async function outcome(where: 'node' | 'thread', { mailbox, logic }: Case) {
  const handled: number[] = [];
  const logics = { open: open(handled), patient: patient(handled) };
  const { system, place, pass, settle, threads } = threadWorld(logics, { size: 1, windowMax: 1 });
  const name = logic ?? 'open';
  const ref: Ref = where === 'thread' ? place(name, { mailbox }) : system.spawn(logics[name], { mailbox });
  await pass(1);
  threads[0]?.block();
  ref.send({ type: 'add', n: 0 } as Event);
  await pass(1);
  for (const n of [1, 2, 3, 4]) ref.send({ type: 'add', n } as Event);
  const asked = ref.ask({ type: 'add', n: 5 } as Event, { timeoutMs: 1_000 });
  const told = asked.catch((error: unknown) => (isTuttiError(error) ? error.code : error));
  await pass(1);
  threads[0]?.goOn();
  await pass(50);
  ref.send({ type: 'go', n: -1 } as Event);
  await pass(50);
  const counts = Object.entries(system.deadLetters.counts());
  const seen = {
    told: await settle(told),
    lost: Object.fromEntries(counts.filter(([, count]) => count > 0)),
  };
  return { ...seen, handled: handled.filter((n) => n >= 0) };
}

describe.each(Object.entries(CASES))('the mailbox option %s', (_, cases) => {
  for (const each of cases) {
    const { handled, told, lost } = each;
    it.each(['node', 'thread'] as const)(`${JSON.stringify(each.mailbox)} holds on a %s`, async (where) => {
      expect(await outcome(where, each)).toEqual({ handled, told, lost });
    });
  }
});
