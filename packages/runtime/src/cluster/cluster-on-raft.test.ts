import { VolatileConsensus } from '@tutti/consensus';
import { incarnation, nodeId, randomIds, runVirtual, seededRandom, VirtualClock } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { replying } from '../actor/reply.ts';
import { createActorSystem } from '../system/create-actor-system.ts';
import { ClusterHarness, type Declare } from '../testing/cluster-harness.ts';
import { FaultyHost } from '../testing/faulty-host.ts';
import { MemoryNetwork } from '../testing/memory-network.ts';
import { createClusterSystem } from './create-cluster-system.ts';

const NAMES = ['n1', 'n2', 'n3'];
const KEYS = Array.from({ length: 12 }, (_, i) => `k${i}`);

type AddEvent = { type: 'add'; by: number };

const counter = () =>
  replying<number, AddEvent>((total, { by }, reply) => {
    reply(total + by);
    return total + by;
  }, 0);

const counters: Declare = (cluster) => {
  cluster.entity('counter', counter());
};

async function started(seed: number): Promise<ClusterHarness> {
  const harness = new ClusterHarness(NAMES, counters, {}, seed, 'raft');
  await harness.start();
  return harness;
}

const add = (harness: ClusterHarness, node: string, key: string, by: number) =>
  harness
    .node(node)
    .cluster.ref<AddEvent>('counter', key)
    .ask<number>({ type: 'add', by }, { timeoutMs: 2_000 });

/** Asks until it is answered, as a client would whose ask failed with the node that it was sent to. */
async function addUntilAnswered(harness: ClusterHarness, node: string, key: string): Promise<number> {
  for (;;) {
    try {
      return await harness.settle(add(harness, node, key, 0));
    } catch {
      await harness.pass(10);
    }
  }
}

describe('on Raft', () => {
  it('every entity answers again, with its state, within two seconds after the crash of any node', async () => {
    const took: number[] = [];
    for (let seed = 1; seed <= 6; seed++) {
      const harness = await started(seed);
      await harness.settle(Promise.all(KEYS.map((key) => add(harness, 'n1', key, 7))));
      const leader = harness.leader!;
      const victim = seed % 2 ? leader : NAMES.find((name) => name !== leader)!;
      const witness = NAMES.find((name) => name !== victim)!;
      const crashedAt = harness.clock.now();
      harness.crash(victim);
      for (const key of KEYS) expect(await addUntilAnswered(harness, witness, key)).toBe(7);
      took.push(harness.clock.now() - crashedAt);
    }
    expect(Math.max(...took)).toBeLessThan(2_000);
  });

  it('a whole cluster that stops and starts again has its entities as they were', async () => {
    const harness = await started(1);
    await harness.settle(Promise.all(KEYS.map((key) => add(harness, 'n1', key, 3))));
    await harness.settle(Promise.all(NAMES.map((name) => harness.node(name).cluster.stop())));
    for (const name of NAMES) harness.crash(name);
    for (const name of NAMES) harness.boot(name);
    await harness.untilBalanced();
    for (const key of KEYS) expect(await harness.settle(add(harness, 'n2', key, 1))).toBe(4);
  });

  it('a node that leaves has given its entities away, and is still one of those who agree', async () => {
    const harness = await started(3);
    await harness.settle(Promise.all(KEYS.map((key) => add(harness, 'n1', key, 3))));
    const leader = harness.leader!;
    const [leaver, other] = NAMES.filter((name) => name !== leader);
    await harness.settle(harness.node(leaver!).cluster.leave());
    const { members } = harness.node(leader).cluster;
    await harness.until(() => members.get(harness.node(leaver!).nodeId)?.state === 'left');
    expect(harness.node(leader).cluster.status().shards[leaver!]).toBeUndefined();
    // With one of three gone, the majority is the leader and the one that has left.
    harness.crash(other!);
    for (const key of KEYS) expect(await addUntilAnswered(harness, leader, key)).toBe(3);
  });

  it('a node that crashes and comes back takes its share again', async () => {
    const harness = await started(2);
    for (let round = 0; round < 3; round++) {
      harness.crash('n2');
      await harness.pass(300 * round);
      harness.boot('n2');
      await harness.untilBalanced();
      expect(harness.node('n2').evicted).toBe(false);
    }
  });
});

describe('a voter that is no member', () => {
  type Leave = (harness: ClusterHarness, name: string) => Promise<void>;
  const stateOf = (harness: ClusterHarness, seenBy: string, name: string) =>
    harness.node(seenBy).cluster.members.get(harness.node(name).nodeId)?.state;
  const ways: readonly (readonly [string, Leave])[] = [
    ['it has left', (harness, name) => harness.settle(harness.node(name).cluster.leave())],
    [
      'it was given up',
      async (harness, name) => {
        harness.pause(name);
        await harness.until(() => stateOf(harness, harness.leader!, name) === 'lost');
        harness.resume(name);
        await harness.until(() => harness.node(name).evicted);
      },
    ],
    [
      'it may not join',
      async (harness, name) => {
        harness.crash(name);
        await harness.until(() => stateOf(harness, harness.leader!, name) === 'lost');
        const declare: Declare = (cluster) => void cluster.entity('counter', counter(), { durable: false });
        const { started: joined } = harness.boot(name, {}, { declare });
        await expect(harness.settle(joined)).rejects.toThrow(/declare/);
      },
    ],
  ];

  it.each(ways)(
    'keeps no leadership, so that a loss is noticed when it was elected: %s',
    async (_, leave) => {
      const harness = await started(4);
      await harness.settle(Promise.all(KEYS.map((key) => add(harness, 'n1', key, 3))));
      const leader = harness.leader!;
      const [voter, other] = NAMES.filter((name) => name !== leader) as [string, string];
      await leave(harness, voter);
      const elected = harness.node(voter);
      void harness
        .node(leader)
        .consensus.transferLeadership(elected.nodeId)
        .catch(() => {});
      await harness.until(() => elected.consensus.status().role === 'leader');
      harness.crash(leader);
      await harness.until(() => stateOf(harness, other, leader) === 'lost');
      for (const key of KEYS) expect(await addUntilAnswered(harness, other, key)).toBe(3);
      expect(harness.node(other).consensus.status().role).toBe('leader');
    },
  );
});

it('a life that may not join does not keep the one before from being given up', async () => {
  const harness = await started(5);
  await harness.settle(Promise.all(KEYS.map((key) => add(harness, 'n1', key, 3))));
  const gone = NAMES.find((name) => name !== harness.leader)!;
  const other = NAMES.find((name) => name !== gone)!;
  const { nodeId: node } = harness.node(gone);
  harness.crash(gone);
  const declare: Declare = (cluster) => void cluster.entity('counter', counter(), { durable: false });
  const { started: joined } = harness.boot(gone, {}, { declare });
  await expect(harness.settle(joined)).rejects.toThrow(/declare/);
  await harness.until(() => harness.node(other).cluster.members.get(node)?.state === 'lost');
  for (const key of KEYS) expect(await addUntilAnswered(harness, other, key)).toBe(3);
});

describe('a cluster of one node without a log on disk', () => {
  it('has the same placements', async () => {
    const clock = new VirtualClock();
    const self = { nodeId: nodeId('only'), incarnation: incarnation(1) };
    const random = seededRandom(1);
    const ids = randomIds(random);
    const transport = new MemoryNetwork(clock, random).attach(self, new FaultyHost(clock));
    const system = createActorSystem({ ...self, clock, random, ids });
    const consensus = new VolatileConsensus(self.nodeId, clock);
    const cluster = createClusterSystem({ system, consensus, transport, clock, random, ids });
    counters(cluster, self.nodeId);
    let answer: number | undefined;
    void cluster.start();
    cluster
      .ref<AddEvent>('counter', 'a')
      .ask<number>({ type: 'add', by: 5 })
      .then(
        (value) => {
          answer = value;
        },
        () => {},
      );
    await runVirtual(clock, () => answer !== undefined, 1_000);
    expect(answer).toBe(5);
    let stopped = false;
    void cluster.stop().then(() => {
      stopped = true;
    });
    await runVirtual(clock, () => stopped, 1_000);
    expect(stopped).toBe(true);
  });
});
