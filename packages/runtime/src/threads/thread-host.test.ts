import { runVirtual, VirtualClock } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { type EventObject, setup } from 'xstate';
import { replying } from '../actor/reply.ts';
import { ThreadHost } from './thread-host.ts';
import type { Batch } from './thread-link.ts';
import type { FromThread, ToThread } from './thread-messages.ts';

const fragile = replying((count: number, { type }: EventObject) => {
  if (type === 'fail') throw new Error('told to');
  return count + 1;
}, 0);

const door = setup({ types: { events: {} as EventObject } }).createMachine({
  id: 'door',
  initial: 'closed',
  states: { closed: { on: { open: 'open' } }, open: {} },
});

const LIFE = 1;

/** The inside of a thread, and all that it has said, in order. It is heard only when it is told so. */
async function begun(exported: 'fragile' | 'door') {
  const clock = new VirtualClock();
  const said: FromThread[] = [];
  let batches = 0;
  let heard = 0;
  let seq = 0;
  const host = new ThreadHost({
    data: { node: 'n1', incarnation: 1, thread: 1, seed: 1 },
    clock,
    post: (value) => {
      const { messages } = structuredClone(value) as Batch;
      if (messages.length > 0) batches++;
      said.push(...(messages as FromThread[]));
    },
    load: (_, name) => Promise.resolve({ fragile, door }[name]),
  });
  const tell = async (...messages: readonly ToThread[]): Promise<void> => {
    host.receive({ taken: heard, messages });
    await runVirtual(clock, () => false);
  };
  const send = async (...types: readonly string[]): Promise<readonly number[]> => {
    const events = types.map((type) => ({ t: 'event', life: LIFE, seq: ++seq, event: { type } }) as const);
    await tell(...events);
    return events.map((event) => event.seq);
  };
  const handled = () => said.flatMap((message) => (message.t === 'done' ? message.handled : []));
  /** The node hears all that was said so far. */
  const hear = async (): Promise<void> => {
    heard = batches;
    await tell();
  };
  /** Sends until the thread says nothing more, since the node hears nothing. */
  const clog = async (): Promise<void> => {
    for (let silent = false; !silent; ) {
      const before = said.length;
      await send('work');
      silent = said.length === before;
    }
  };
  await tell({
    t: 'start',
    life: LIFE,
    address: 'local:n1/1/a#1',
    module: 'm',
    exported,
    input: undefined,
    stashLimit: 1_000,
  });
  return { said, tell, send, handled, hear, clog, sent: () => seq };
}

describe('the inside of a thread whose node hears nothing for a while', () => {
  it('says what a life has handled before it says how the life ended', async () => {
    const { said, send, handled, hear, clog, sent } = await begun('fragile');
    await clog();
    await send('work', 'work', 'fail', 'left');
    expect(said.some(({ t }) => t === 'ended')).toBe(false);
    await hear();
    const before = said.slice(
      0,
      said.findIndex(({ t }) => t === 'ended'),
    );
    expect(before.flatMap((message) => (message.t === 'done' ? message.handled : []))).toEqual(handled());
    // All but the one behind the one that it failed on, which is for the next life.
    expect(handled()).toEqual(Array.from({ length: sent() - 1 }, (_, at) => at + 1));
    const end = { reason: 'failed', problem: 'told to' };
    expect(said.find(({ t }) => t === 'ended')).toMatchObject({ life: LIFE, end });
  });

  it('says the state that was reached meanwhile, also when nobody follows it any more', async () => {
    const { said, tell, send, hear, clog } = await begun('door');
    await tell({ t: 'follow', life: LIFE });
    await clog();
    await send('open');
    await tell({ t: 'unfollow', life: LIFE });
    await hear();
    const shown = said.filter(({ t }) => t === 'snapshot');
    expect(shown.at(-1)).toMatchObject({ view: { value: 'open' } });
  });
});
