import type { ReplicatedModule } from '@tutti/consensus';
import { isTuttiError, TuttiError } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { assign, type EventObject, setup } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { reply, replying } from '../actor/reply.ts';
import { ENTITY_STATES, type EntityCommand } from '../sharding/entity-states.ts';
import { shardOf } from '../sharding/shard-id.ts';
import { SHARD_MAP } from '../sharding/shard-map.ts';
import { ClusterHarness, type Declare } from '../testing/cluster-harness.ts';
import type { ReplicatedHandle } from './replicated.ts';

const NAMES = ['n1', 'n2', 'n3'];
const SHARDS = 32;

type AddEvent = { type: 'add'; by: number } | { type: 'read' };

const counter = () =>
  replying<number, AddEvent>((total, event, answer) => {
    const next = event.type === 'add' ? total + event.by : total;
    answer(next);
    return next;
  }, 0);

async function started(declare: Declare, config = {}, names = NAMES): Promise<ClusterHarness> {
  const harness = new ClusterHarness(names, declare, config);
  await harness.start();
  return harness;
}

const counters: Declare = (cluster) => {
  cluster.entity('counter', counter());
};

const counterOn = (harness: ClusterHarness, node: string, key: string) =>
  harness.node(node).cluster.ref<AddEvent>('counter', key);

/** A key whose shard the given node owns. */
function keyOwnedBy(harness: ClusterHarness, name: string, kind = 'counter'): string {
  for (let i = 0; ; i++) if (ownerOf(harness, kind, `k${i}`) === name) return `k${i}`;
}

/** Who owns a key's shard: replays the shard commands of the log as any node would. */
function ownerOf(harness: ClusterHarness, kind: string, key: string): string | undefined {
  const shard = shardOf(kind, key, SHARDS);
  let owner: string | undefined;
  let target: string | undefined;
  for (const { module, command } of harness.log.entries) {
    if (module !== SHARD_MAP) continue;
    const read = JSON.parse(command) as {
      type: string;
      moves?: { shard: number; nodeId: string }[];
      shards?: { shard: number }[];
    };
    const move = read.moves?.find((item) => item.shard === shard);
    if (read.type === 'assign' && move) owner = move.nodeId;
    if (read.type === 'move' && move) target = move.nodeId;
    if (
      read.type === 'released' &&
      Array.isArray(read.shards) &&
      read.shards.some((item) => item.shard === shard)
    )
      owner = target;
  }
  return owner;
}

describe('an entity', () => {
  it('holds its replies until its state is in the log', async () => {
    const harness = await started(counters);
    const key = keyOwnedBy(harness, 'n2');
    let answered = false;
    const entries = () => harness.log.entries.filter(({ module }) => module === ENTITY_STATES).length;
    const before = entries();
    const ask = counterOn(harness, 'n2', key)
      .ask<number>({ type: 'add', by: 1 })
      .then(() => {
        answered = true;
      });
    await harness.until(() => answered || entries() > before);
    expect(answered).toBe(false);
    await harness.settle(ask);
  });

  it('is refused by the log, with a coded error to who asked, when its owner is not the owner any more', async () => {
    const harness = await started(counters);
    const key = keyOwnedBy(harness, 'n2');
    await harness.settle(counterOn(harness, 'n2', key).ask({ type: 'add', by: 1 }));
    const { nodeId, incarnation } = harness.node('n2').system;
    const commit = (epoch: number, version: number): EntityCommand => ({
      type: 'commit',
      nodeId,
      incarnation,
      entries: [{ kind: 'counter', key, epoch, version, snapshot: { forged: true } }],
    });
    const { consensus } = harness.node('n1');
    const propose = (command: EntityCommand) => harness.settle(consensus.propose(ENTITY_STATES, command));
    expect(await propose(commit(99, 3))).toEqual(['stale']);
    expect(await propose(commit(0, 3))).toEqual(['stale']);
    expect(await harness.settle(counterOn(harness, 'n3', key).ask({ type: 'read' }))).toBe(1);
  });

  it('of an owner that slept through its own replacement cannot answer, and its state is not overwritten', async () => {
    const harness = await started(counters);
    const key = keyOwnedBy(harness, 'n2');
    await harness.settle(counterOn(harness, 'n2', key).ask({ type: 'add', by: 1 }));
    harness.pause('n2');
    const late = counterOn(harness, 'n2', key)
      .ask({ type: 'add', by: 100 }, { timeoutMs: 60_000 })
      .catch((thrown: unknown) => thrown);
    await harness.until(
      () => harness.node('n1').cluster.members.get(harness.node('n2').nodeId)?.state === 'lost',
    );
    expect(await harness.settle(counterOn(harness, 'n1', key).ask({ type: 'add', by: 1 }))).toBe(2);
    harness.resume('n2');
    expect(isTuttiError(await harness.settle(late, 70_000))).toBe(true);
    expect(harness.node('n2').evicted).toBe(true);
    expect(harness.node('n2').cluster.status().entities).toEqual({});
    expect(await harness.settle(counterOn(harness, 'n3', key).ask({ type: 'read' }))).toBe(2);
  });

  it('that stalls for less than it takes to be given up goes on as if nothing had been', async () => {
    const harness = await started(counters, { silenceMs: 2_000 });
    const key = keyOwnedBy(harness, 'n2');
    await harness.settle(counterOn(harness, 'n2', key).ask({ type: 'add', by: 1 }));
    harness.pause('n2');
    const ask = counterOn(harness, 'n1', key).ask({ type: 'add', by: 1 });
    await harness.pass(1_000);
    expect(harness.node('n2').cluster.status().leased).toBe(false);
    harness.resume('n2');
    expect(await harness.settle(ask)).toBe(2);
    expect(harness.node('n2').evicted).toBe(false);
  });

  it('is passivated when nobody needs it, and comes back with its state', async () => {
    const harness = await started((cluster) => {
      cluster.entity('counter', counter(), { passivateAfterMs: 1_000 });
    });
    await harness.settle(counterOn(harness, 'n1', 'a').ask({ type: 'add', by: 3 }));
    const live = () =>
      harness.living().reduce((sum, { cluster }) => sum + (cluster.status().entities['counter'] ?? 0), 0);
    expect(live()).toBe(1);
    await harness.pass(2_000);
    expect(live()).toBe(0);
    expect(await harness.settle(counterOn(harness, 'n2', 'a').ask({ type: 'add', by: 1 }))).toBe(4);
  });

  it('shows its committed snapshots to subscribers on every node, and can be stopped from any', async () => {
    const harness = await started(counters);
    const seen: unknown[] = [];
    harness
      .node('n3')
      .cluster.ref<AddEvent, { context: number }>('counter', 'a')
      .subscribe(({ context }) => seen.push(context));
    for (let i = 0; i < 3; i++)
      await harness.settle(counterOn(harness, 'n1', 'a').ask({ type: 'add', by: 1 }));
    await harness.pass(50);
    expect(seen).toEqual([0, 1, 2, 3]);
    await harness.settle(counterOn(harness, 'n2', 'a').stop());
    for (const { cluster } of harness.living()) expect(cluster.status().entities).toEqual({});
  });

  it('that has reached its end takes no more messages, and its watchers are told on every node', async () => {
    const ending = setup({}).createMachine({
      initial: 'open',
      states: { open: { on: { close: 'closed' } }, closed: { type: 'final' } },
    });
    const harness = await started((cluster) => {
      cluster.entity('ticket', ending);
    });
    const notices: unknown[] = [];
    for (const { cluster } of harness.living())
      cluster.ref('ticket', '7').watch(({ reason }) => notices.push(reason));
    harness.node('n1').cluster.ref('ticket', '7').send({ type: 'close' });
    await harness.until(() => notices.length === 3);
    const failure = await harness.settle(
      harness
        .node('n2')
        .cluster.ref('ticket', '7')
        .ask({ type: 'close' })
        .catch((thrown: unknown) => thrown),
    );
    expect(isTuttiError(failure, 'TUTTI_ACTOR_UNKNOWN')).toBe(true);
    expect(notices).toEqual(['done', 'done', 'done']);
  });

  it('keeps the refs in its state when it moves', async () => {
    type FollowEvent = { type: 'follow'; whom: Ref } | { type: 'who' };
    const follower = setup({
      types: { context: {} as { whom: Ref | undefined }, events: {} as FollowEvent },
    }).createMachine({
      context: { whom: undefined },
      on: {
        follow: { actions: [assign({ whom: ({ event }) => event.whom }), reply('ok')] },
        who: { actions: reply(({ context }) => context.whom) },
      },
    });
    const harness = await started((cluster) => {
      cluster.entity('follower', follower);
      cluster.entity('counter', counter());
    });
    const key = keyOwnedBy(harness, 'n2', 'follower');
    const ref = (name: string) => harness.node(name).cluster.ref<FollowEvent>('follower', key);
    await harness.settle(ref('n1').ask({ type: 'follow', whom: counterOn(harness, 'n1', 'z') }));
    harness.crash('n2');
    const whom = await harness.settle(ref('n1').ask<Ref<AddEvent>>({ type: 'who' }));
    expect(await harness.settle(whom.ask({ type: 'add', by: 2 }))).toBe(2);
  });
});

describe('a hand-over', () => {
  it('loses no message and no state while every shard moves away under load', async () => {
    const harness = await started(counters);
    const keys = Array.from({ length: 30 }, (_, i) => `k${i}`);
    const asks: Promise<number>[] = [];
    const drain = { isOver: false };
    void harness
      .node('n2')
      .cluster.drain()
      .then(() => {
        drain.isOver = true;
      });
    for (let round = 0; !drain.isOver || round < 20; round++) {
      for (const key of keys)
        asks.push(counterOn(harness, round % 2 ? 'n1' : 'n3', key).ask<number>({ type: 'add', by: 1 }));
      await harness.pass(3);
    }
    await harness.settle(Promise.all(asks));
    const totals = await harness.settle(
      Promise.all(keys.map((key) => counterOn(harness, 'n1', key).ask<number>({ type: 'read' }))),
    );
    expect(totals.reduce((sum, total) => sum + total)).toBe(asks.length);
    expect(harness.node('n1').cluster.status().shards['n2']).toBeUndefined();
    expect(harness.node('n2').cluster.status().entities).toEqual({});
  });

  it('keeps the order of each sender while the entity moves', async () => {
    type Numbered = { type: 'take'; from: string; n: number };
    const disorder: string[] = [];
    const taken = new Map<string, number>();
    const harness = await started((cluster, node) => {
      const collector = replying<Record<string, number>, Numbered>((last, { from, n }) => {
        if (n <= (last[from] ?? 0)) disorder.push(`${node}: ${n} of ${from} after ${last[from]}`);
        taken.set(from, (taken.get(from) ?? 0) + 1);
        return { ...last, [from]: n };
      }, {});
      cluster.entity('collector', collector);
    });
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    const drained = harness.node('n2').cluster.drain();
    let n = 0;
    for (const end = harness.clock.now() + 150; harness.clock.now() < end; await harness.pass(1)) {
      n++;
      for (const from of ['n1', 'n3'])
        for (const key of keys)
          harness.node(from).cluster.ref<Numbered>('collector', key).send({ type: 'take', from, n });
    }
    await harness.settle(drained);
    const all = n * keys.length;
    await harness.until(() => taken.get('n1') === all && taken.get('n3') === all, 30_000);
    expect(disorder).toEqual([]);
  });

  it('keeps messages while a key has no owner, up to its bound; the rest are counted dead letters', async () => {
    const harness = await started(counters, { bufferMax: 10, takeoverWaitMs: 3_000 });
    const key = keyOwnedBy(harness, 'n2');
    harness.crash('n2');
    await harness.until(
      () => harness.node('n1').cluster.members.get(harness.node('n2').nodeId)?.state === 'lost',
    );
    for (let i = 0; i < 25; i++) counterOn(harness, 'n1', key).send({ type: 'add', by: 1 });
    await harness.pass(1);
    expect(harness.node('n1').cluster.status().buffered).toBe(10);
    expect(harness.node('n1').system.deadLetters.counts()['overflow-new']).toBe(15);
    await harness.until(() => harness.node('n1').cluster.status().buffered === 0);
    expect(await harness.settle(counterOn(harness, 'n3', key).ask({ type: 'read' }))).toBe(10);
  });

  it('leaves the cluster in order: the others see the node as left, and take its shards without waiting', async () => {
    const harness = await started(counters);
    await harness.settle(harness.node('n2').cluster.stop());
    await harness.pass(50);
    const { members, shards } = harness.node('n1').cluster.status();
    expect(members.find(({ nodeId }) => nodeId === 'n2')?.state).toBe('left');
    expect(Object.keys(shards).sort()).toEqual(['n1', 'n3']);
  });
});

describe('losing a node', () => {
  it('is in the log well under a second after a crash, also when it was the leader', async () => {
    const took: number[] = [];
    for (let seed = 1; seed <= 10; seed++) {
      const harness = new ClusterHarness(NAMES, counters, {}, seed);
      await harness.start();
      const victim = seed % 2 ? harness.leader! : NAMES.find((name) => name !== harness.leader)!;
      const witness = NAMES.find((name) => name !== victim)!;
      const crashedAt = harness.clock.now();
      harness.crash(victim);
      const { members } = harness.node(witness).cluster;
      await harness.until(() => members.list().some(({ state }) => state === 'lost'));
      took.push(harness.clock.now() - crashedAt);
    }
    expect(Math.max(...took)).toBeLessThan(500);
  });

  it('is told to the node itself, once, when it can be reached again; it has stopped its entities by then', async () => {
    const harness = await started(counters);
    for (let i = 0; i < 20; i++) counterOn(harness, 'n1', `k${i}`).send({ type: 'add', by: 1 });
    await harness.pass(100);
    harness.partition(['n2']);
    await harness.pass(2_000);
    expect(harness.node('n2').cluster.status().leased).toBe(false);
    harness.network.healAll();
    await harness.until(() => harness.node('n2').evicted);
    await harness.pass(100);
    expect(harness.node('n2').cluster.status().entities).toEqual({});
    harness.crash('n2');
    harness.boot('n2');
    await harness.untilBalanced();
  });
});

describe('a singleton', () => {
  it('starts by itself on one node, and on another when that one is lost', async () => {
    const places: string[] = [];
    const harness = await started((cluster, node) => {
      const master = setup({}).createMachine({
        entry: () => places.push(node),
        on: { where: { actions: reply(node) } },
      });
      cluster.entity('master', master, { singleton: true, durable: false });
    });
    await harness.pass(500);
    const first = places.at(-1)!;
    const running = () => harness.living().filter(({ cluster }) => cluster.status().entities['master']);
    expect(running().map(({ nodeId }) => nodeId)).toEqual([first]);
    harness.crash(first);
    await harness.until(() => running().length === 1);
    const survivor = NAMES.find((name) => name !== first)!;
    const second = await harness.settle(
      harness.node(survivor).cluster.ref('master', 'singleton').ask({ type: 'where' }),
    );
    expect(second).toBe(running()[0]!.nodeId);
    expect(second).not.toBe(first);
  });
});

describe.each([true, false])('a singleton with durable: %s', (durable) => {
  const master = setup({
    types: { context: {} as { n: number }, events: {} as { type: 'add' } | { type: 'finish' } },
  }).createMachine({
    context: { n: 0 },
    initial: 'open',
    states: {
      open: {
        on: {
          add: {
            actions: [assign({ n: ({ context }) => context.n + 1 }), reply(({ context }) => context.n)],
          },
          finish: 'closed',
        },
      },
      closed: { type: 'final' },
    },
  });
  const declare: Declare = (cluster) => {
    cluster.entity('master', master, { singleton: true, durable });
  };
  const alive = (harness: ClusterHarness) =>
    harness.living().filter(({ cluster }) => cluster.status().entities['master']);
  const add = (harness: ClusterHarness, node: string) =>
    harness.settle(harness.node(node).cluster.ref('master', 'singleton').ask<number>({ type: 'add' }));

  it('is started again by itself when it was stopped and when its node is lost, with its state if it keeps one', async () => {
    const harness = await started(declare);
    await harness.until(() => alive(harness).length === 1);
    const [first] = alive(harness).map(({ nodeId }) => nodeId);
    const other = NAMES.find((name) => name !== first)!;
    expect(await add(harness, other)).toBe(1);
    await harness.settle(harness.node(other).cluster.ref('master', 'singleton').stop());
    expect(alive(harness)).toEqual([]);
    await harness.until(() => alive(harness).length === 1, 2_000);
    expect(await add(harness, other)).toBe(durable ? 2 : 1);
    harness.crash(first!);
    await harness.until(() => alive(harness).length === 1);
    expect(await add(harness, other)).toBe(durable ? 3 : 1);
  });

  it('that has reached its end is gone for good if it is durable, and begins afresh otherwise', async () => {
    const harness = await started(declare);
    await harness.until(() => alive(harness).length === 1);
    expect(await add(harness, 'n1')).toBe(1);
    harness.node('n1').cluster.ref('master', 'singleton').send({ type: 'finish' });
    await harness.until(() => alive(harness).length === 0);
    await harness.pass(3_000);
    expect(alive(harness)).toHaveLength(durable ? 0 : 1);
    if (durable) await expect(add(harness, 'n2')).rejects.toMatchObject({ code: 'TUTTI_ACTOR_UNKNOWN' });
    else expect(await add(harness, 'n2')).toBe(1);
  });
});

describe('a subscription to a singleton that is not durable', () => {
  it('shows its snapshots on every node, and those of the next one when it is lost', async () => {
    const harness = await started((cluster) => {
      cluster.entity('master', counter(), { singleton: true, durable: false });
    });
    await harness.pass(300);
    const owner = ownerOf(harness, 'master', 'singleton')!;
    const others = NAMES.filter((name) => name !== owner);
    const seen = new Map<string, number[]>(NAMES.map((name) => [name, []]));
    for (const name of NAMES)
      harness
        .node(name)
        .cluster.ref<AddEvent, { context: number }>('master', 'singleton')
        .subscribe(({ context }) => seen.get(name)!.push(context));
    const send = (by: number) =>
      harness.node(others[0]!).cluster.ref<AddEvent>('master', 'singleton').send({ type: 'add', by });
    send(7);
    await harness.pass(300);
    for (const name of NAMES) expect(seen.get(name)!.at(-1)).toBe(7);
    harness.crash(owner);
    await harness.pass(2_000);
    send(5);
    await harness.pass(300);
    for (const name of others) expect(seen.get(name)!.at(-1)).toBe(5);
  });
});

describe('a watch of a singleton that is not durable', () => {
  const ending = setup({}).createMachine({
    initial: 'open',
    states: {
      open: { on: { finish: 'closed', hello: { actions: reply('hello') } } },
      closed: { type: 'final' },
    },
  });

  /** Watches from every node before it is awake; the notices come by node. */
  async function watched(options: { readonly singleton?: boolean }) {
    const harness = await started((cluster) => {
      cluster.entity('master', ending, { durable: false, ...options });
    });
    const refs = NAMES.map((name) => harness.node(name).cluster.ref('master', 'singleton'));
    const told: string[] = [];
    refs.forEach((ref, at) =>
      ref.watch(({ reason, address }) => told.push(`${NAMES[at]} ${address} ${reason}`)),
    );
    return { harness, refs, told, all: NAMES.map((name) => `${name} entity:master/singleton done`) };
  }

  it('tells its end once on every node, also when the next one begins at once', async () => {
    const { harness, refs, told, all } = await watched({ singleton: true });
    await harness.pass(300);
    refs[0]!.send({ type: 'finish' });
    refs[0]!.send({ type: 'hello' });
    await harness.pass(3_000);
    expect(told.toSorted()).toEqual(all);
    refs[1]!.send({ type: 'finish' });
    await harness.pass(3_000);
    expect(told).toHaveLength(NAMES.length);
  });

  it('goes on with the next owner, and is not told of a stop or a loss', async () => {
    const { harness, refs, told } = await watched({});
    await harness.settle(refs[0]!.ask({ type: 'hello' }));
    await harness.settle(refs[0]!.stop());
    const owner = ownerOf(harness, 'master', 'singleton')!;
    harness.crash(owner);
    await harness.pass(2_000);
    expect(told).toEqual([]);
    const other = NAMES.findIndex((name) => name !== owner);
    refs[other]!.send({ type: 'finish' });
    await harness.pass(500);
    expect(told).toHaveLength(NAMES.length - 1);
  });

  it('that was taken back is not told', async () => {
    const { harness, refs } = await watched({});
    const told: unknown[] = [];
    const ends = refs.map((ref) => ref.watch((notice) => told.push(notice)));
    await harness.settle(refs[0]!.ask({ type: 'hello' }));
    await harness.pass(100);
    for (const end of ends) end();
    refs[0]!.send({ type: 'finish' });
    await harness.pass(500);
    expect(told).toEqual([]);
  });
});

describe('a singleton that fails whenever it starts', () => {
  it('is started again and again, but not without rest', async () => {
    let starts = 0;
    const harness = await started((cluster) => {
      const broken = setup({}).createMachine({
        context: () => {
          starts++;
          throw new Error('no');
        },
      });
      cluster.entity('broken', broken, { singleton: true, supervise: false });
    });
    await harness.pass(5_000);
    expect(starts).toBeGreaterThan(3);
    expect(starts).toBeLessThan(12);
  });
});

class Tally implements ReplicatedModule {
  readonly name = 'tally';
  total = 0;

  apply(command: unknown): number {
    if (typeof command !== 'number')
      throw new TuttiError('TUTTI_CLUSTER_COMMAND_INVALID', { module: 'tally', problem: 'no number' });
    this.total += command;
    return this.total;
  }

  snapshot(): Iterable<unknown> {
    return [this.total];
  }

  restore(parts: Iterable<unknown>): void {
    this.total = Number([...parts][0]);
  }
}

describe('the replicated placement', () => {
  it('runs a logic on every node in lockstep: one reply, the same snapshots everywhere, no effects', async () => {
    let effects = 0;
    const vote = setup({
      types: { context: {} as { yes: number }, events: {} as { type: 'yes' } | { type: 'bump' } },
      actions: { reply: () => effects++ },
    }).createMachine({
      context: { yes: 0 },
      initial: 'open',
      states: {
        open: {
          on: {
            yes: {
              actions: [
                assign({ yes: ({ context }) => context.yes + 1 }),
                reply(({ context }) => context.yes),
                () => effects++,
                'reply',
              ],
            },
          },
          always: { guard: ({ context }) => context.yes >= 30, target: 'decided' },
        },
        decided: {},
      },
    });
    const refs = new Map<string, Ref<EventObject, { value: unknown; context: { yes: number } }>>();
    const seen = new Map<string, number[]>();
    const harness = await started((cluster, node) => {
      const ref = cluster.replicated('vote', vote);
      refs.set(node, ref);
    });
    for (const [node, ref] of refs)
      ref.subscribe(({ context }) => seen.set(node, [...(seen.get(node) ?? []), context.yes]));
    const replies = await harness.settle(
      Promise.all(
        Array.from({ length: 30 }, (_, i) => refs.get(NAMES[i % 3]!)!.ask<number>({ type: 'yes' })),
      ),
    );
    expect([...replies].sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    await harness.pass(100);
    for (const node of NAMES) expect(seen.get(node)).toEqual(Array.from({ length: 31 }, (_, i) => i));
    expect(effects).toBe(0);
  });

  it('leaves the state as it was when the logic throws, and tells who asked', async () => {
    const strict = replying<number, AddEvent>((total, event, answer) => {
      if (event.type === 'add' && event.by < 0) throw new Error('not below zero');
      const next = event.type === 'add' ? total + event.by : total;
      answer(next);
      return next;
    }, 0);
    let ref: Ref<AddEvent> | undefined;
    const harness = await started((cluster, node) => {
      const placed = cluster.replicated('strict', strict);
      if (node === 'n2') ref = placed;
    });
    await harness.settle(ref!.ask({ type: 'add', by: 2 }));
    const failure = await harness.settle(
      ref!.ask({ type: 'add', by: -1 }).catch((thrown: unknown) => thrown),
    );
    expect(isTuttiError(failure, 'TUTTI_REPLICATED_REFUSED')).toBe(true);
    expect(await harness.settle(ref!.ask({ type: 'read' }))).toBe(2);
  });

  it('counts what it was sent in vain by why that was, and not what it failed on or may have handled', async () => {
    const brittle = setup({}).createMachine({
      initial: 'open',
      states: { open: { on: { end: 'closed' } }, closed: { type: 'final' } },
      on: {
        fail: {
          actions: assign(() => {
            throw new Error('told to');
          }),
        },
      },
    });
    const harness = await started((cluster) => void cluster.replicated('brittle', brittle));
    const { system, consensus } = harness.node('n1');
    const ref = system.ref('replicated:brittle');
    const propose = consensus.propose.bind(consensus);
    const countsAfter = async (type: string) => {
      ref.send({ type });
      await harness.pass(200);
      return Object.fromEntries(Object.entries(system.deadLetters.counts()).filter(([, count]) => count > 0));
    };
    expect(await countsAfter('fail')).toEqual({});
    consensus.propose = async () => {
      throw new TuttiError('TUTTI_OUTCOME_UNKNOWN', { what: 'brittle', when: 'within 10,000 ms' });
    };
    expect(await countsAfter('maybe')).toEqual({});
    consensus.propose = async () => {
      throw new TuttiError('TUTTI_OVERLOADED', { what: 'The queue', size: 1, limit: 1 });
    };
    expect(await countsAfter('one too many')).toEqual({ 'overflow-new': 1 });
    consensus.propose = async () => {
      throw new TuttiError('TUTTI_NO_LEADER', { known: 'none' });
    };
    expect(await countsAfter('to nobody')).toEqual({ 'overflow-new': 1, unreachable: 1 });
    consensus.propose = propose;
    await countsAfter('end');
    expect(await countsAfter('too late')).toEqual({ 'overflow-new': 1, unreachable: 1, stopped: 1 });
  });

  it('places a plain module, whose copy every node reads after a barrier', async () => {
    const handles = new Map<string, ReplicatedHandle<Tally>>();
    const harness = await started((cluster, node) => {
      handles.set(node, cluster.replicated('tally', new Tally()));
    });
    expect(await harness.settle(handles.get('n1')!.propose<number>(5))).toBe(5);
    await harness.settle(handles.get('n3')!.readBarrier());
    expect(handles.get('n3')!.module.total).toBe(5);
    await expect(harness.settle(handles.get('n2')!.propose('x'))).rejects.toThrow(/no number/);
  });
});

describe('starting', () => {
  it('is refused on a node that is configured for another number of shards', async () => {
    const harness = await started(counters);
    harness.crash('n3');
    const failure = await harness.settle(
      harness.boot('n3', { shards: 64 }).started.catch((thrown: unknown) => thrown),
    );
    expect(isTuttiError(failure, 'TUTTI_SHARDS_MISMATCH')).toBe(true);
  });

  it('ends the time in which things can be declared', async () => {
    const harness = await started(counters);
    const { cluster } = harness.node('n1');
    expect(() => cluster.entity('late', counter())).toThrow(/before the cluster is started/);
    expect(() => cluster.replicated('late', counter())).toThrow(/before the cluster is started/);
    expect(() => cluster.ref('unheard', 'x')).toThrow(/not declared/);
  });
});
