import { isTuttiError, settled } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { assign, fromCallback, fromPromise, setup } from 'xstate';
import { reply, replying, replyLater } from '../actor/reply.ts';
import { ClusterHarness, type Declare } from '../testing/cluster-harness.ts';
import { ENTITY_STATES } from './entity-states.ts';

const NAMES = ['n1', 'n2', 'n3'];

type AddEvent = { type: 'add'; by: number } | { type: 'read' };

async function started(declare: Declare, config = {}, agreement: 'oracle' | 'raft' = 'oracle') {
  const harness = new ClusterHarness(NAMES, declare, config, 1, agreement);
  await harness.start();
  return harness;
}

const failureOf = (promise: Promise<unknown>) => promise.catch((thrown: unknown) => thrown);

describe('an entity whose logic fails', () => {
  type JobEvent = { type: 'add' } | { type: 'poison' } | { type: 'read' };
  const job = setup({
    types: { context: {} as { total: number }, events: {} as JobEvent },
    actors: { broken: fromPromise(() => Promise.reject(new Error('no such file'))) },
  }).createMachine({
    context: { total: 0 },
    initial: 'idle',
    on: {
      add: { actions: [assign({ total: ({ context }) => context.total + 1 }), reply('ok')] },
      read: { actions: reply(({ context }) => context.total) },
    },
    states: { idle: { on: { poison: 'working' } }, working: { invoke: { src: 'broken' } } },
  });

  it('because a child of its failed is not over: the failure is no state to keep', async () => {
    const harness = await started((cluster) => {
      cluster.entity('job', job, { supervise: false });
    });
    const ref = harness.node('n1').cluster.ref<JobEvent>('job', 'a');
    await harness.settle(ref.ask({ type: 'add' }));
    const notices: unknown[] = [];
    ref.watch((notice) => notices.push(notice));
    for (let round = 0; round < 3; round++) {
      ref.send({ type: 'poison' });
      await harness.pass(500);
    }
    expect(notices).toEqual([]);
    expect(await harness.settle(failureOf(ref.ask({ type: 'read' })))).toBe(1);
  });

  it('because a reducer throws answers with that failure, and goes on from its last commit', async () => {
    const harness = await started((cluster) => {
      const strict = replying<number, AddEvent>((total, event, answer) => {
        if (event.type === 'add' && event.by < 0) throw new Error('not below zero');
        const next = event.type === 'add' ? total + event.by : total;
        answer(next);
        return next;
      }, 0);
      cluster.entity('strict', strict);
    });
    const ref = harness.node('n1').cluster.ref<AddEvent>('strict', 'a');
    await harness.settle(ref.ask({ type: 'add', by: 3 }));
    const asks = [-1, 1, -1, 1, -1, 1, -1, 1].map((by) => failureOf(ref.ask({ type: 'add', by })));
    const answers = await harness.settle(Promise.all(asks));
    expect(answers.map((answer) => (isTuttiError(answer) ? answer.code : answer))).toEqual([
      'TUTTI_ACTOR_FAILED',
      4,
      'TUTTI_ACTOR_FAILED',
      5,
      'TUTTI_ACTOR_FAILED',
      6,
      'TUTTI_ACTOR_FAILED',
      expect.anything(),
    ]);
    expect(await harness.settle(ref.ask({ type: 'read' }))).toBeGreaterThanOrEqual(6);
  });

  it('is not over because somebody sends it an event that is meant for the inside of XState', async () => {
    const harness = await started((cluster) => {
      cluster.entity('job', job);
    });
    const ref = harness.node('n1').cluster.ref<JobEvent>('job', 'a');
    await harness.settle(ref.ask({ type: 'add' }));
    const raw = harness.node('n2').cluster.ref('job', 'a');
    for (const type of ['xstate.stop', 'xstate.init', 'xstate.error.actor.x', 'xstate.done.actor.x'])
      raw.send({ type });
    await harness.pass(1_000);
    expect(await harness.settle(failureOf(ref.ask({ type: 'read' })))).toBe(1);
  });
});

describe('an entity whose committed state its logic cannot restore', () => {
  it('says so to who asks, keeps the state, and goes on when the logic can restore it again', async () => {
    let isOld = true;
    const harness = await started((cluster) => {
      const machine = (states: Record<string, object>) =>
        setup({}).createMachine({
          initial: 'first',
          on: { where: { actions: reply(({ event }) => event.type) } },
          states,
        });
      const old = machine({ first: { on: { go: 'second' } }, second: {} });
      cluster.entity('doc', isOld ? old : machine({ first: {} }), {
        supervise: { restart: 'transient', intensity: { restarts: 1, withinMs: 1_000 } },
      });
    });
    const ask = (type: string) =>
      harness.settle(failureOf(harness.node('n1').cluster.ref('doc', 'a').ask({ type })));
    harness.node('n1').cluster.ref('doc', 'a').send({ type: 'go' });
    expect(await ask('where')).toBe('where');
    const restart = async () => {
      for (const name of NAMES) harness.crash(name);
      for (const name of NAMES) harness.boot(name);
      await harness.untilBalanced();
    };
    isOld = false;
    await restart();
    const failure = await ask('where');
    expect(isTuttiError(failure, 'TUTTI_SNAPSHOT_CHANGED') && failure.message).toMatch(/doc\/a/);
    isOld = true;
    await restart();
    expect(await ask('where')).toBe('where');
  });
});

describe('all nodes of a cluster', () => {
  it('crash at once and come back with everything acknowledged', async () => {
    const harness = await started(
      (cluster) => {
        const counter = replying<number, AddEvent>((total, event, answer) => {
          const next = event.type === 'add' ? total + event.by : total;
          answer(next);
          return next;
        }, 0);
        cluster.entity('counter', counter);
      },
      {},
      'raft',
    );
    const keys = Array.from({ length: 12 }, (_, i) => `k${i}`);
    const ref = (key: string) => harness.node('n1').cluster.ref<AddEvent>('counter', key);
    for (let round = 1; round <= 3; round++) {
      await harness.settle(
        Promise.all(keys.map((key) => ref(key).ask({ type: 'add', by: 1 }, { timeoutMs: 20_000 }))),
      );
      for (const name of NAMES) harness.crash(name);
      await harness.pass(100);
      for (const name of NAMES) harness.boot(name);
      await harness.untilBalanced();
      const totals = await harness.settle(
        Promise.all(keys.map((key) => ref(key).ask({ type: 'read' }, { timeoutMs: 20_000 }))),
      );
      expect(totals).toEqual(keys.map(() => round));
    }
  });
});

describe('a delay of a durable entity', () => {
  it('comes on the next owner', async () => {
    const harness = await started((cluster) => {
      const timed = setup({}).createMachine({
        initial: 'open',
        states: {
          open: { after: { 2_000: 'closed' }, on: { state: { actions: reply('open') } } },
          closed: { on: { state: { actions: reply('closed') } } },
        },
      });
      cluster.entity('timed', timed);
    });
    const ref = (name: string) => harness.node(name).cluster.ref('timed', 'a');
    expect(await harness.settle(ref('n1').ask({ type: 'state' }))).toBe('open');
    const owner = NAMES.find((name) => harness.node(name).cluster.status().entities['timed'])!;
    harness.crash(owner);
    const other = NAMES.find((name) => name !== owner)!;
    await harness.settle(ref(other).ask({ type: 'state' }));
    await harness.pass(5_000);
    expect(await harness.settle(ref(other).ask({ type: 'state' }))).toBe('closed');
  });
});

const counting = () =>
  replying<number, AddEvent>((total, event, answer) => {
    const next = event.type === 'add' ? total + event.by : total;
    answer(next);
    return next;
  }, 0);

describe('a node that hears nothing from the leader, though the leader hears it', () => {
  it('is given up, and its entities answer elsewhere: it could never prove contact with a quorum', async () => {
    const harness = await started((cluster) => void cluster.entity('counter', counting()), {}, 'raft');
    const leader = harness.leader!;
    const deaf = harness.voters.find((name) => name !== leader)!;
    const other = harness.voters.find((name) => name !== leader && name !== deaf)!;
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    const ask = (key: string, event: AddEvent) =>
      harness.node(other).cluster.ref<AddEvent>('counter', key).ask(event, { timeoutMs: 9_000 });
    await harness.settle(Promise.all(keys.map((key) => ask(key, { type: 'add', by: 1 }))));
    harness.network.mute(leader, deaf);
    await harness.pass(8_000);
    expect(await harness.settle(Promise.all(keys.map((key) => ask(key, { type: 'read' }))))).toEqual(
      keys.map(() => 1),
    );
  });
});

describe('an owner that sleeps between a commit and its effects', () => {
  it('does not act on waking when the next owner has acted, at whichever step it fell asleep', async () => {
    let slept = 0;
    for (let seed = 1; seed <= 21; seed++) {
      const acts: string[] = [];
      const harness = new ClusterHarness(
        NAMES,
        (cluster, node) => {
          const counter = setup({ types: { context: {} as { n: number } } }).createMachine({
            context: { n: 0 },
            on: {
              add: {
                actions: [
                  assign({ n: ({ context }) => context.n + 1 }),
                  () => void acts.push(node),
                  reply('done'),
                ],
              },
            },
          });
          cluster.entity('counter', counter);
        },
        {},
        seed,
      );
      await harness.start();
      const ref = (name: string) => harness.node(name).cluster.ref('counter', 'a');
      await harness.settle(ref('n1').ask({ type: 'add' }));
      const owner = acts[0]!;
      const other = NAMES.find((name) => name !== owner)!;
      const commits = () => harness.log.entries.filter(({ module }) => module === ENTITY_STATES).length;
      const before = commits();
      ref(owner).send({ type: 'add' });
      await harness.until(() => commits() > before);
      for (let step = 0; step < seed % 7; step++) {
        await settled();
        if (acts.length === 1) harness.clock.step();
      }
      if (acts.length > 1) continue;
      slept++;
      harness.pause(owner);
      const { members } = harness.node(other).cluster;
      await harness.until(() => members.list().some(({ state }) => state === 'lost'));
      await harness.settle(ref(other).ask({ type: 'add' }, { timeoutMs: 20_000 }));
      const acted = acts.length;
      harness.resume(owner);
      await harness.pass(500);
      expect(acts.slice(acted)).toEqual([]);
    }
    expect(slept).toBeGreaterThan(3);
  });
});

describe('passivation', () => {
  it('loses no message that comes just as the entity goes', async () => {
    const harness = await started((cluster) => {
      cluster.entity('counter', counting(), { passivateAfterMs: 40 });
    });
    const random = harness.random.fork('senders');
    const asks: Promise<number>[] = [];
    let passivated = 0;
    for (let round = 0; round < 300; round++) {
      const name = random.pick(NAMES);
      asks.push(harness.node(name).cluster.ref<AddEvent>('counter', 'a').ask({ type: 'add', by: 1 }));
      await harness.pass(random.integer(1, 70));
      if (harness.living().every(({ cluster }) => !cluster.status().entities['counter'])) passivated++;
    }
    const totals = await harness.settle(Promise.all(asks));
    expect([...totals].sort((a, b) => a - b)).toEqual(asks.map((_, i) => i + 1));
    expect(passivated).toBeGreaterThan(20);
  });
});

describe('a singleton', () => {
  it('is never alive twice while the nodes are restarted in turn, two at a time, with its mailbox full', async () => {
    const alive = new Set<string>();
    const doubles: string[] = [];
    let lives = 0;
    const harness = new ClusterHarness(['n1', 'n2', 'n3', 'n4', 'n5'], (cluster, node) => {
      const master = fromCallback<{ type: 'tick' }>(({ receive }) => {
        const life = `${node}/${++lives}`;
        alive.add(life);
        if (alive.size > 1) doubles.push([...alive].join(' and '));
        receive(() => {});
        return () => alive.delete(life);
      });
      cluster.entity('master', master, { singleton: true, durable: false });
    });
    await harness.start();
    await harness.until(() => alive.size === 1);
    const names = harness.voters;
    const restarts = names.map((name, at) => [name, names[(at + 1) % names.length]!] as const);
    for (const pair of [...restarts, ...restarts.reverse()]) {
      for (let i = 0; i < 200; i++)
        harness
          .node(names[i % 5]!)
          .cluster.ref('master', 'singleton')
          .send({ type: 'tick' });
      await harness.settle(Promise.all(pair.map((name) => harness.node(name).cluster.stop())));
      for (const name of pair) {
        harness.crash(name);
        harness.boot(name);
      }
      await harness.untilBalanced();
    }
    await harness.until(() => alive.size === 1, 5_000);
    expect(doubles).toEqual([]);
    expect(lives).toBeGreaterThan(4);
  });
});

describe('an ask', () => {
  it('of an entity that asks itself, or one that asks back, is answered: waiting holds no mailbox', async () => {
    type Hop = { readonly type: 'hop'; readonly left: number };
    const further = fromPromise<number, { next: string; left: number }>(({ input: { next, left } }) =>
      harness.node('n1').cluster.ref<Hop>(next, 'a').ask<number>({ type: 'hop', left }),
    );
    const chain = (next: string) =>
      setup({
        types: { context: {} as { left: number }, events: {} as Hop },
        actors: { further },
      }).createMachine({
        context: { left: 0 },
        initial: 'idle',
        on: { hop: { guard: ({ event }) => event.left === 0, actions: reply(0) } },
        states: {
          idle: {
            on: {
              hop: {
                guard: ({ event }) => event.left > 0,
                target: 'asking',
                actions: [replyLater(), assign({ left: ({ event }) => event.left - 1 })],
              },
            },
          },
          asking: {
            invoke: {
              src: 'further',
              input: ({ context }) => ({ next, left: context.left }),
              onDone: { target: 'idle', actions: reply(({ event }) => event.output + 1) },
            },
          },
        },
      });
    const harness: ClusterHarness = await started((cluster) => {
      cluster.entity('own', chain('own'));
      cluster.entity('left', chain('right'));
      cluster.entity('right', chain('left'));
    });
    for (const [kind, left] of [
      ['own', 1],
      ['left', 2],
    ] as const) {
      const answer = harness.node('n2').cluster.ref<Hop>(kind, 'a').ask({ type: 'hop', left });
      expect(await harness.settle(answer)).toBe(left);
    }
  });
});
