import { nodeId, TuttiError, VirtualClock } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { assign, fromPromise, raise, sendTo, setup } from 'xstate';
import { reply, replying, replyLater } from '../actor/reply.ts';
import { ClusterHarness, type Declare } from '../testing/cluster-harness.ts';
import { approximateBytes } from './approximate-bytes.ts';
import type { EntityOptions } from './entity-options.ts';
import { PacedStarter } from './paced-starter.ts';

const NAMES = ['n1', 'n2', 'n3'];

type Event = { type: 'add'; by: number } | { type: 'read' };

const counter = replying<number, Event>((total, event, answer) => {
  const next = event.type === 'add' ? total + event.by : total;
  answer(next);
  return next;
}, 0);

function alive(harness: ClusterHarness, kind: string): number {
  return harness.living().reduce((sum, { cluster }) => sum + (cluster.status().entities[kind] ?? 0), 0);
}

async function crashAll(harness: ClusterHarness): Promise<void> {
  for (const name of NAMES) harness.crash(name);
  await harness.pass(100);
  for (const name of NAMES) harness.boot(name);
  await harness.untilBalanced();
}

describe('a kind with a bound on those awake', () => {
  async function started(options: EntityOptions<typeof counter>) {
    const harness = new ClusterHarness(['n1'], (cluster) => void cluster.entity('c', counter, options));
    await harness.start();
    const add = (key: string, by = 1) =>
      harness.settle(harness.node('n1').cluster.ref<Event>('c', key).ask({ type: 'add', by }));
    return { harness, add };
  }

  it('puts those to sleep that were used longest ago, and loses nothing of them', async () => {
    const { harness, add } = await started({ activeMax: 3 });
    for (const key of ['a', 'b', 'c', 'a', 'd', 'a', 'e']) await add(key);
    await harness.pass(100);
    expect(alive(harness, 'c')).toBe(3);
    expect(await add('a')).toBe(4);
    for (const key of ['b', 'c', 'd', 'e']) expect(await add(key)).toBe(2);
    await harness.pass(100);
    expect(alive(harness, 'c')).toBe(3);
  });

  it('goes by the bytes of their snapshots when they differ in size', async () => {
    type Note = { type: 'write'; text: string };
    const note = replying<string, Note>((_, event, answer) => {
      answer('ok');
      return event.text;
    }, '');
    const harness = new ClusterHarness(['n1'], (cluster) => {
      cluster.entity('note', note, { activeBytesMax: 20_000 });
    });
    await harness.start();
    const write = (key: string, size: number) =>
      harness.settle(
        harness
          .node('n1')
          .cluster.ref<Note>('note', key)
          .ask({ type: 'write', text: 'x'.repeat(size) }),
      );
    for (let i = 0; i < 20; i++) await write(`small ${i}`, 10);
    await harness.pass(100);
    expect(alive(harness, 'note')).toBe(20);
    await write('large', 9_000);
    await harness.pass(100);
    expect(alive(harness, 'note')).toBeLessThan(20);
    await write('larger than all may be together', 50_000);
    await harness.pass(100);
    expect(alive(harness, 'note'), 'the last one used stays').toBe(1);
  });

  it('answers everything under load although every message wakes one and puts one to sleep', async () => {
    const { harness } = await started({ activeMax: 2 });
    const keys = Array.from({ length: 10 }, (_, i) => `k${i}`);
    const asks = Array.from({ length: 200 }, (_, i) =>
      harness
        .node('n1')
        .cluster.ref<Event>('c', keys[i % 10]!)
        .ask<number>({ type: 'add', by: 1 }, { timeoutMs: 60_000 }),
    );
    const totals = await harness.settle(Promise.all(asks), 60_000);
    expect(Math.max(...totals)).toBe(20);
    expect(totals.reduce((sum, total) => sum + total, 0)).toBe((10 * (20 * 21)) / 2);
  });
});

describe('the size of a value', () => {
  it('grows with what it holds, and is reckoned without looking at all of it', () => {
    expect(approximateBytes({ a: 1 })).toBeLessThan(approximateBytes({ a: 1, b: 'text' }));
    expect(approximateBytes(new Uint8Array(1_000))).toBeGreaterThan(1_000);
    const large = Array.from({ length: 100_000 }, (_, i) => ({ i }));
    expect(approximateBytes(large)).toBeGreaterThan(100_000 * 8);
    expect(approximateBytes(undefined)).toBe(8);
  });
});

describe('the pace at which entities start by themselves', () => {
  it('is kept, whatever comes in at once or in between', () => {
    const clock = new VirtualClock(0);
    const startedAt: number[] = [];
    const starter = new PacedStarter({ clock, perSecond: 200, start: () => startedAt.push(clock.now()) });
    for (let i = 0; i < 100; i++) starter.add(`a${i}`, { kind: 'k', key: `${i}` });
    for (let i = 0; i < 50; i++)
      clock.setTimer(i * 7, () => starter.add(`b${i}`, { kind: 'k', key: `b${i}` }));
    clock.advance(2_000);
    expect(startedAt).toHaveLength(150);
    for (const from of startedAt) {
      const inWindow = startedAt.filter((at) => at >= from && at < from + 100).length;
      expect(inWindow).toBeLessThanOrEqual(22);
    }
    expect(startedAt.at(-1)).toBeLessThan(800);
  });
});

describe('a remembered kind', () => {
  const KEYS = Array.from({ length: 60 }, (_, i) => `k${i}`);
  const declare: Declare = (cluster) => {
    cluster.entity('kept', counter, { remember: true });
    cluster.entity('other', counter);
  };

  async function started(config = {}) {
    const harness = new ClusterHarness(NAMES, declare, config);
    await harness.start();
    const { cluster } = harness.node('n1');
    await harness.settle(
      Promise.all(
        KEYS.flatMap((key) =>
          ['kept', 'other'].map((kind) => cluster.ref<Event>(kind, key).ask({ type: 'add', by: 1 })),
        ),
      ),
    );
    return harness;
  }

  it('is alive again after all nodes were killed, without a message, and no other kind is', async () => {
    const harness = await started();
    await crashAll(harness);
    await harness.until(() => alive(harness, 'kept') === KEYS.length);
    expect(alive(harness, 'other')).toBe(0);
    expect(harness.living().map(({ cluster }) => cluster.status().starting)).toEqual([0, 0, 0]);
  });

  it('is alive again on the next owner when its node is lost, and when it leaves', async () => {
    const harness = await started();
    harness.crash('n2');
    await harness.until(() => alive(harness, 'kept') === KEYS.length);
    await harness.settle(harness.node('n3').cluster.stop());
    harness.crash('n3');
    await harness.until(() => alive(harness, 'kept') === KEYS.length);
  });

  it('comes back at the pace that was set', async () => {
    const harness = await started({ startsPerSecond: 4 });
    await crashAll(harness);
    const from = alive(harness, 'kept');
    expect(from).toBeLessThan(KEYS.length / 2);
    await harness.pass(2_000);
    const grown = alive(harness, 'kept') - from;
    expect(grown, 'of three nodes').toBeGreaterThanOrEqual(15);
    expect(grown).toBeLessThanOrEqual(30);
    await harness.until(() => alive(harness, 'kept') === KEYS.length);
  });

  it('is started again after it failed for good, with rest', async () => {
    type Mood = { type: 'fail' } | { type: 'read' };
    let starts = 0;
    const moody = setup({ types: { events: {} as Mood } }).createMachine({
      entry: () => starts++,
      on: {
        read: { actions: reply('well') },
        fail: {
          actions: () => {
            throw new Error('in a bad mood');
          },
        },
      },
    });
    const harness = new ClusterHarness(['n1'], (cluster) => {
      cluster.entity('moody', moody, { remember: true, supervise: false });
    });
    await harness.start();
    const ref = harness.node('n1').cluster.ref<Mood>('moody', 'a');
    await harness.settle(ref.ask({ type: 'read' }));
    ref.send({ type: 'fail' });
    await harness.until(() => alive(harness, 'moody') === 0);
    await harness.pass(500);
    expect(alive(harness, 'moody')).toBe(0);
    await harness.until(() => alive(harness, 'moody') === 1, 1_000);
    expect(starts).toBeGreaterThan(0);
  });
});

describe('a delayed event of a durable entity', () => {
  type Alarm =
    | { type: 'set' }
    | { type: 'cancel' }
    | { type: 'ring' }
    | { type: 'read' }
    | { type: 'remind' };
  const DELAY_MS = 30_000;
  const alarm = setup({
    types: { context: {} as { rung: number; reminded: number }, events: {} as Alarm },
    delays: { DELAY: DELAY_MS },
  }).createMachine({
    id: 'alarm',
    context: { rung: 0, reminded: 0 },
    initial: 'idle',
    on: {
      read: { actions: reply(({ context }) => context) },
      remind: { actions: assign({ reminded: ({ context }) => context.reminded + 1 }) },
    },
    states: {
      idle: { on: { set: { target: 'waiting', actions: reply('set') } } },
      waiting: {
        entry: [
          raise({ type: 'remind' }, { id: 'reminder', delay: DELAY_MS / 2 }),
          sendTo(({ self }) => self, { type: 'remind' }, { id: 'late', delay: DELAY_MS * 2 }),
        ],
        on: { cancel: { target: 'idle', actions: reply('cancelled') } },
        after: { DELAY: { target: 'idle', actions: assign({ rung: ({ context }) => context.rung + 1 }) } },
      },
    },
  });
  const declare: Declare = (cluster) => void cluster.entity('alarm', alarm);

  async function waiting() {
    const harness = new ClusterHarness(NAMES, declare);
    await harness.start();
    const ask = (type: 'set' | 'cancel' | 'read', on = 'n1') =>
      harness.settle(harness.node(on).cluster.ref<Alarm>('alarm', 'a').ask({ type }, { timeoutMs: 20_000 }));
    const setAt = harness.clock.now();
    expect(await ask('set')).toBe('set');
    const ownerOf = () =>
      NAMES.find((name) => (harness.node(name).cluster.status().entities['alarm'] ?? 0) > 0);
    return { harness, ask, setAt, ownerOf };
  }

  /** What the log says, without asking the entity. */
  function committed(harness: ClusterHarness): { readonly rung: number; readonly reminded: number } {
    let last = { rung: 0, reminded: 0 };
    for (const { module, command } of harness.log.entries) {
      if (module !== 'entities') continue;
      const { entries } = JSON.parse(command) as { entries: { snapshot: { context: typeof last } }[] };
      last = entries.at(-1)!.snapshot.context;
    }
    return last;
  }

  it('comes when it is due although every node was killed meanwhile, and nobody sent anything', async () => {
    const { harness, setAt } = await waiting();
    await harness.pass(5_000);
    await crashAll(harness);
    expect(alive(harness, 'alarm'), 'nothing but the time wakes it').toBe(0);
    await harness.pass(setAt + DELAY_MS / 2 - 200 - harness.clock.now());
    expect(committed(harness)).toEqual({ rung: 0, reminded: 0 });
    await harness.pass(400);
    expect(committed(harness)).toEqual({ rung: 0, reminded: 1 });
    await harness.pass(DELAY_MS / 2);
    expect(committed(harness)).toEqual({ rung: 1, reminded: 1 });
    await harness.pass(DELAY_MS);
    expect(committed(harness), 'each once').toEqual({ rung: 1, reminded: 2 });
    await crashAll(harness);
    await harness.pass(DELAY_MS * 3);
    expect(committed(harness), 'and never again').toEqual({ rung: 1, reminded: 2 });
  });

  it('comes at once when it became due while no node ran', async () => {
    const { harness } = await waiting();
    for (const name of NAMES) harness.crash(name);
    await harness.pass(DELAY_MS + 5_000);
    for (const name of NAMES) harness.boot(name);
    await harness.untilBalanced();
    await harness.pass(2_000);
    expect(committed(harness)).toEqual({ rung: 1, reminded: 1 });
  });

  it('goes with its entity when that moves, and is not set again from the beginning', async () => {
    const { harness, ask, setAt, ownerOf } = await waiting();
    for (let moves = 0; moves < 2; moves++) {
      await harness.pass(4_000);
      const owner = ownerOf()!;
      await harness.settle(harness.node(owner).cluster.stop());
      harness.crash(owner);
      harness.boot(owner);
      await harness.untilBalanced();
      expect(await ask('read'), 'which wakes it on its next owner').toMatchObject({ rung: 0 });
    }
    await harness.pass(setAt + DELAY_MS + 200 - harness.clock.now());
    expect(await ask('read', 'n2')).toEqual({ rung: 1, reminded: 1 });
  });

  it('does not come once it was cancelled, on whichever node', async () => {
    const { harness, ask, ownerOf } = await waiting();
    harness.crash(ownerOf()!);
    const survivor = harness.living()[0]!.nodeId;
    expect(await ask('cancel', survivor)).toBe('cancelled');
    await harness.pass(DELAY_MS * 3);
    expect(committed(harness).rung).toBe(0);
  });

  it('wakes an entity that was put to sleep, which then goes to sleep again', async () => {
    const harness = new ClusterHarness(['n1'], (cluster) => {
      cluster.entity('alarm', alarm, { passivateAfterMs: 1_000 });
    });
    await harness.start();
    const ref = harness.node('n1').cluster.ref<Alarm>('alarm', 'a');
    await harness.settle(ref.ask({ type: 'set' }));
    await harness.until(() => alive(harness, 'alarm') === 0, 2_000);
    await harness.until(() => alive(harness, 'alarm') === 1, DELAY_MS / 2);
    await harness.until(() => alive(harness, 'alarm') === 0, 2_000);
    await harness.pass(DELAY_MS);
    expect(committed(harness).rung).toBe(1);
  });

  it('is handled once, whichever node is killed and whenever around the time it is due', async () => {
    for (let offset = -30; offset <= 60; offset += 15) {
      const { harness, setAt, ownerOf } = await waiting();
      const owner = ownerOf()!;
      await harness.pass(setAt + DELAY_MS / 2 + offset - harness.clock.now());
      harness.crash(owner);
      await harness.pass(5_000);
      expect(committed(harness), `killed ${offset} ms after it was due`).toEqual({ rung: 0, reminded: 1 });
    }
  });

  it('that fails whenever it is handled is tried again with rest, and the entity still answers', async () => {
    let tries = 0;
    const sore = setup({
      types: { events: {} as { type: 'set' } | { type: 'read' } | { type: 'prick' } },
    }).createMachine({
      initial: 'idle',
      on: { read: { actions: reply('here') } },
      states: {
        idle: { on: { set: { target: 'waiting', actions: reply('set') } } },
        waiting: {
          after: {
            1_000: {
              target: 'idle',
              guard: () => {
                tries++;
                throw new Error('not again');
              },
            },
          },
        },
      },
    });
    const harness = new ClusterHarness(['n1'], (cluster) => {
      cluster.entity('sore', sore, { supervise: false });
    });
    await harness.start();
    const ref = harness.node('n1').cluster.ref('sore', 'a');
    await harness.settle(ref.ask({ type: 'set' }));
    await harness.pass(10_000);
    expect(tries).toBeGreaterThan(4);
    expect(tries).toBeLessThan(14);
  });
});

describe('a node that has no room for one more actor', () => {
  it('starts what it has to start by itself later', async () => {
    const harness = new ClusterHarness(
      ['n1'],
      (cluster) => void cluster.entity('kept', counter, { remember: true }),
    );
    await harness.start();
    await harness.settle(harness.node('n1').cluster.ref<Event>('kept', 'a').ask({ type: 'add', by: 1 }));
    harness.crash('n1');
    const { system } = harness.boot('n1');
    const spawn = system.spawn.bind(system);
    let isFull = true;
    system.spawn = (...args) => {
      if (isFull) throw new TuttiError('TUTTI_OVERLOADED', { what: 'The actor system', size: 9, limit: 9 });
      return spawn(...args);
    };
    await harness.untilBalanced();
    await harness.pass(3_000);
    expect(alive(harness, 'kept')).toBe(0);
    isFull = false;
    await harness.until(() => alive(harness, 'kept') === 1, 1_500);
  });
});

describe('the members', () => {
  it('take shards by their weight', async () => {
    const harness = new ClusterHarness(NAMES, () => {}, { shards: 256 });
    for (const name of NAMES) harness.boot(name, name === 'n2' ? { weight: 3 } : {});
    // They move in lots, and between two of them nothing does.
    await harness.until(() => {
      const { n1 = 0, n2 = 0 } = harness.node('n1').cluster.status().shards;
      return n1 > 0 && n2 > 2 * n1;
    });
    expect(harness.node('n1').cluster.members.get(nodeId('n2'))?.declares?.weight).toBe(3);
  });
});

describe('an entity that owes somebody an answer', () => {
  const WORK_MS = 1_000;
  type JobEvent = { type: 'work' | 'wait' | 'other' };
  async function working(options: EntityOptions) {
    const work = fromPromise(
      () => new Promise((resolve) => harness.clock.setTimer(WORK_MS, () => resolve(1))),
    );
    const job = setup({
      types: { events: {} as JobEvent },
      actors: { work },
    }).createMachine({
      initial: 'idle',
      states: {
        idle: { on: { work: { target: 'busy', actions: replyLater() }, wait: { actions: replyLater() } } },
        busy: { invoke: { src: 'work', onDone: { target: 'idle', actions: reply('done') } } },
      },
    });
    const harness = new ClusterHarness(['n1'], (cluster) => void cluster.entity('job', job, options));
    await harness.start();
    return {
      harness,
      ref: (key: string) => harness.node('n1').cluster.ref<JobEvent>('job', key),
    };
  }

  it('stays awake until it has answered, however long it is idle and whoever else is woken', async () => {
    const idle = await working({ passivateAfterMs: 200 });
    expect(await idle.harness.settle(idle.ref('a').ask({ type: 'work' }))).toBe('done');
    await idle.harness.until(() => alive(idle.harness, 'job') === 0, 1_000);
    const crowded = await working({ activeMax: 2 });
    const answer = crowded.ref('a').ask({ type: 'work' });
    await crowded.harness.pass(50);
    for (let n = 0; n < 30; n++) crowded.ref(`other ${n}`).send({ type: 'other' });
    expect(await crowded.harness.settle(answer)).toBe('done');
  });

  it('goes to sleep when nobody waits for the answer any more', async () => {
    const { harness, ref } = await working({ passivateAfterMs: 200 });
    const ask = ref('a').ask({ type: 'wait' }, { timeoutMs: 300 });
    await expect(harness.settle(ask)).rejects.toMatchObject({ code: 'TUTTI_ASK_TIMEOUT' });
    await harness.until(() => alive(harness, 'job') === 0, 300);
  });
});
