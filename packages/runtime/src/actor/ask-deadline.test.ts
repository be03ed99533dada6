import { describe, expect, it } from 'vitest';
import { type EventObject, fromPromise, setup } from 'xstate';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import { createTestSystem } from '../testing/test-system.ts';
import type { Ref } from './ref.ts';
import { reply, replying, replyLater } from './reply.ts';

const silent = replying((state: undefined) => state, undefined);
const failed = (promise: Promise<unknown>, at: () => number) =>
  promise.then(
    (value) => ({ value, at: at() }),
    (error: { code: string }) => ({ code: error.code, at: at() }),
  );

describe('an ask that an actor makes while it handles one', () => {
  it('ends when the outer one does, however long it was given', async () => {
    const { system, clock, advance } = createTestSystem();
    const ends: Promise<unknown>[] = [];
    const now = () => clock.now();
    const target = system.spawn(silent);
    const middle = system.spawn(
      replying((_: undefined, event: EventObject) => {
        if (event.type === 'work') {
          ends.push(failed(target.ask({ type: 'x' }, { timeoutMs: 60_000 }), now));
          ends.push(failed(target.ask({ type: 'x' }, { timeoutMs: 10 }), now));
          ends.push(failed(target.ask({ type: 'x' }, { timeoutMs: 300, inheritDeadline: false }), now));
        }
        return undefined;
      }, undefined),
    );
    const start = clock.now();
    ends.unshift(failed(middle.ask({ type: 'work' }, { timeoutMs: 100 }), now));
    for (let i = 0; i < 40; i++) {
      advance(10);
      await Promise.resolve();
    }
    expect(await Promise.all(ends)).toEqual(
      [100, 100, 10, 300].map((after) => ({ code: 'TUTTI_ASK_TIMEOUT', at: start + after })),
    );
    expect(system.askDeadline).toBe(Infinity);
  });

  it('is not one that a watcher or a subscriber makes meanwhile: it has its own time', async () => {
    const { system, clock, advance } = createTestSystem();
    const ends: Promise<unknown>[] = [];
    const target = system.spawn(silent);
    const machine = setup({}).createMachine({
      initial: 'open',
      states: { open: { on: { END: 'over' } }, over: { type: 'final' } },
    });
    const askToo = () => {
      expect(system.askDeadline).toBe(Infinity);
      ends.push(failed(target.ask({ type: 'x' }, { timeoutMs: 5_000 }), () => clock.now()));
    };
    const watched = system.spawn(machine);
    watched.watch(askToo);
    const followed = system.spawn(machine);
    advance();
    followed.subscribe(askToo);
    for (const ref of [watched, followed]) void ref.ask({ type: 'END' }, { timeoutMs: 50 }).catch(() => {});
    advance();
    const made = clock.now();
    for (let i = 0; i < 60; i++) {
      advance(100);
      await Promise.resolve();
    }
    expect(ends.length).toBeGreaterThanOrEqual(2);
    for (const end of await Promise.all(ends))
      expect(end).toEqual({ code: 'TUTTI_ASK_TIMEOUT', at: made + 5_000 });
  });

  it('inherits nothing once the outer one is answered, and nothing when nobody asked', async () => {
    const { system, clock, advance } = createTestSystem();
    const ends: Promise<unknown>[] = [];
    const target = system.spawn(silent);
    const now = () => clock.now();
    const middle = system.spawn(
      setup({}).createMachine({
        on: {
          work: {
            actions: [
              reply('done'),
              () => void ends.push(failed(target.ask({ type: 'x' }, { timeoutMs: 500 }), now)),
            ],
          },
        },
      }),
    );
    const answer = middle.ask({ type: 'work' }, { timeoutMs: 100 });
    middle.send({ type: 'work' });
    advance(0);
    expect(await answer).toBe('done');
    for (let i = 0; i < 60; i++) {
      advance(10);
      await Promise.resolve();
    }
    expect(await Promise.all(ends)).toMatchObject([{ at: 500 }, { at: 500 }]);
  });

  it('does so over three nodes, from what is left at each, also in a promise that the machine invokes', async () => {
    const harness = new ClusterHarness(['n1', 'n2', 'n3'], () => {});
    await harness.start();
    const last: Ref = harness.node('n3').system.spawn(silent);
    const lasted: number[] = [];
    const further = fromPromise(async () => {
      const start = harness.clock.now();
      await harness
        .node('n2')
        .system.ref(last.address)
        .ask({ type: 'work' }, { timeoutMs: 60_000 })
        .catch(() => lasted.push(harness.clock.now() - start));
    });
    const middle = harness.node('n2').system.spawn(
      setup({ actors: { further } }).createMachine({
        initial: 'idle',
        states: {
          idle: { on: { work: { target: 'asking', actions: replyLater() } } },
          asking: { invoke: { src: 'further', onDone: 'idle' } },
        },
      }),
    );
    const outer = harness.node('n1').system.ref(middle.address).ask({ type: 'work' }, { timeoutMs: 400 });
    const ended = await harness.settle(failed(outer, () => harness.clock.now()));
    expect(ended).toMatchObject({ code: 'TUTTI_ASK_TIMEOUT' });
    await harness.pass(100);
    expect(lasted).toHaveLength(1);
    expect(lasted[0]).toBeGreaterThan(300);
    expect(lasted[0]).toBeLessThanOrEqual(400);
  });
});
