import { type NodeId, nodeId } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { replying } from '../actor/reply.ts';
import { ClusterHarness } from '../testing/cluster-harness.ts';
import { shardOf } from './shard-id.ts';

type Event = { type: 'add' } | { type: 'read' };

const counter = replying<number, Event>((total, event, answer) => {
  const next = event.type === 'add' ? total + 1 : total;
  answer(next);
  return next;
}, 0);

const KEYS = Array.from({ length: 24 }, (_, i) => `k${i}`);
const NAMES = ['n1', 'n2', 'n3', 'n4', 'n5'];
/** After the first shard was asked for; a hand-over takes some forty. */
const STEPS_MS = [0, 4, 8, 12, 16, 20, 26, 32, 40, 60];

class HandOver {
  readonly harness: ClusterHarness;
  readonly acked = new Map<string, number>();
  sent = 0;

  constructor(seed: number) {
    this.harness = new ClusterHarness(
      NAMES,
      (cluster) => void cluster.entity('counter', counter),
      { shards: 16 },
      seed,
    );
  }

  /** Four nodes have all shards, with an entity of each key; the fifth joins, and the first move is in the log. */
  async begin(): Promise<{ readonly source: NodeId; readonly target: NodeId }> {
    const { harness } = this;
    for (const name of NAMES.slice(0, 4)) harness.boot(name);
    await harness.untilBalanced();
    this.load();
    await harness.pass(200);
    const from = harness.log.entries.length;
    harness.boot('n5');
    const move = () =>
      harness.log.entries
        .slice(from)
        .map(({ module, command }) => ({
          module,
          command: JSON.parse(command) as { type: string; moves: { shard: number }[] },
        }))
        .find(({ module, command }) => module === 'shards' && command.type === 'move');
    await harness.until(() => move() !== undefined);
    const { shard } = move()!.command.moves[0]!;
    return { source: this.ownerOf(shard), target: nodeId('n5') };
  }

  ownerOf(shard: number): NodeId {
    // As the log tells it, which every node has applied up to the move.
    const owners = new Map<number, NodeId>();
    for (const { module, command } of this.harness.log.entries) {
      const { type, moves } = JSON.parse(command) as {
        type: string;
        moves?: { shard: number; nodeId: NodeId }[];
      };
      if (module === 'shards' && type === 'assign')
        for (const move of moves!) owners.set(move.shard, move.nodeId);
    }
    return owners.get(shard)!;
  }

  load(): void {
    for (const node of this.harness.living())
      for (const key of KEYS) {
        this.sent++;
        node.cluster
          .ref<Event>('counter', key)
          .ask({ type: 'add' }, { timeoutMs: 5_000 })
          .then(
            () => this.acked.set(key, (this.acked.get(key) ?? 0) + 1),
            () => {},
          );
      }
  }

  /** An entity whose commit was on its way to the leader that was killed fails, and answers when it is asked again. */
  read(): Promise<readonly number[]> {
    const { harness } = this;
    const asker = harness.living()[0]!;
    const end = harness.clock.now() + 4_000;
    const ask = async (key: string): Promise<number> => {
      for (;;) {
        const timeoutMs = Math.max(1, end - harness.clock.now());
        const answer = await asker.cluster
          .ref<Event>('counter', key)
          .ask<number>({ type: 'read' }, { timeoutMs })
          .catch((thrown: unknown) => thrown);
        if (typeof answer === 'number') return answer;
        if (harness.clock.now() >= end) throw answer;
      }
    };
    return harness.settle(Promise.all(KEYS.map(ask)));
  }

  /** Every key answers, with everything that was acknowledged. */
  async check(where: string): Promise<void> {
    const { harness } = this;
    const totals = await this.read();
    await harness.pass(5_000);
    KEYS.forEach((key, at) => {
      expect(totals[at], `${where}: ${key}`).toBeGreaterThan(0);
    });
    const later = await this.read();
    KEYS.forEach((key, at) =>
      expect(later[at], `${where}: ${key}`).toBeGreaterThanOrEqual(this.acked.get(key) ?? 0),
    );
  }
}

describe('a hand-over during which a node is killed', () => {
  for (const who of ['source', 'target', 'coordinator'] as const)
    it(`is got over whenever it is the ${who}: every key answers within seconds`, async () => {
      for (const [seed, stepMs] of STEPS_MS.entries()) {
        const scene = new HandOver(seed + 1);
        const { source, target } = await scene.begin();
        scene.load();
        await scene.harness.pass(stepMs);
        scene.load();
        const victim = who === 'coordinator' ? scene.harness.leader! : { source, target }[who];
        scene.harness.crash(victim);
        await scene.check(`the ${who} was killed after ${stepMs} ms`);
      }
    });
});

describe('messages that wait for a link', () => {
  it('are not overtaken by one that comes when the link is up and nobody has been told yet', async () => {
    const seen: number[] = [];
    const recorder = replying<number, { type: 'note'; number: number }>((count, event, answer) => {
      seen.push(event.number);
      answer('ok');
      return count + 1;
    }, 0);
    const harness = new ClusterHarness(
      ['n1', 'n2', 'n3'],
      (cluster) => void cluster.entity('recorder', recorder, { durable: false }),
      { shards: 4 },
    );
    await harness.start();
    const { cluster, transport } = harness.node('n1');
    const ref = (key: string) => cluster.ref<{ type: 'note'; number: number }>('recorder', key);
    const owners = new Map<number, string>();
    for (const { module, command } of harness.log.entries) {
      const { moves = [] } = JSON.parse(command) as { moves?: { shard: number; nodeId: string }[] };
      if (module === 'shards') for (const { shard, nodeId: owner } of moves) owners.set(shard, owner);
    }
    const key = KEYS.find((one) => owners.get(shardOf('recorder', one, 4)) === 'n2')!;
    await harness.settle(ref(key).ask({ type: 'note', number: 0 }));
    transport.dropLink(nodeId('n2'), 'reset');
    ref(key).send({ type: 'note', number: 1 });
    await harness.pass(1);
    transport.bringUp(harness.node('n2').transport.self);
    ref(key).send({ type: 'note', number: 2 });
    await harness.pass(100);
    expect(seen).toEqual([0, 1, 2]);
  });
});
