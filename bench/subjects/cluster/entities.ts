import type { Measurement, Sizes } from '../../harness/case.ts';
import { sharedNowMs } from '../../harness/fleet-member.ts';
import { Histogram } from '../../harness/histogram.ts';
import { sleep, within } from '../../harness/load.ts';
import type { EntityAnswer, EntityStatus, KeyLoad } from './entity-messages.ts';
import { type ClusterNode, NodeCluster } from './node-cluster.ts';

const MODULE = new URL('./entity-node-process.ts', import.meta.url);
const CLIENTS = 256;
/** Longer than any election and any lease together: what takes longer is a failure and not a figure. */
const PATIENCE_MS = 30_000;
const REBALANCE_PATIENCE_MS = 240_000;

async function withEntities<Result>(
  nodes: number,
  action: (cluster: NodeCluster) => Promise<Result>,
): Promise<Result> {
  const cluster = new NodeCluster(MODULE);
  try {
    await cluster.start(nodes);
    return await action(cluster);
  } finally {
    await cluster.end();
  }
}

const keysOf = (count: number) => Array.from({ length: count }, (_, i) => `k${i}`);
const nameOf = ({ config }: ClusterNode) => config.name;

/** The keys whose entities live on a node, by their own word, and what each has counted. */
async function keysOn(
  cluster: NodeCluster,
  node: ClusterNode,
  keys: readonly string[],
): Promise<Map<string, number>> {
  const answers = await cluster.first.process.call<EntityAnswer[]>('getAll', keys);
  return new Map(
    keys.flatMap((key, i) => (answers[i]!.by === nameOf(node) ? [[key, answers[i]!.count] as const] : [])),
  );
}

/** Kills a node again and again, and measures for each of its entities how long until another node answers for it. */
export function ownerKilled({ kills, entities }: Sizes): Promise<Measurement> {
  return withEntities(3, async (cluster) => {
    const keys = keysOf(entities!);
    await cluster.first.process.call('fill', { count: entities, clients: CLIENTS });
    const first = new Histogram();
    const all = new Histogram();
    for (let kill = 0; kill < kills!; kill++) {
      // The first node asks, so the others are killed in turn; whether it leads then is left to chance.
      const { victim, held } = await anOwner(cluster, keys, kill);
      const killed = victim.process.kill();
      const fromMs = sharedNowMs();
      const answers = [...held].map(async ([key, count]) => {
        const asked = cluster.first.process.call<{ atMs: number } & EntityAnswer>('firstAnswer', {
          key,
          fromMs,
          notBy: nameOf(victim),
        });
        const answer = await within(PATIENCE_MS, `an answer of ${key}`, asked);
        if (answer.count !== count) throw new Error(`${key} came back with ${answer.count} of ${count}`);
        all.record(answer.atMs - fromMs);
        return answer.atMs - fromMs;
      });
      first.record(Math.min(...(await Promise.all(answers))));
      await killed;
      await within(PATIENCE_MS, 'the killed node takes part again', cluster.restart(victim));
      await settled(cluster, 3);
    }
    return {
      figures: {},
      histograms: { first: first.pack(), all: all.pack() },
      verified: `${all.count} entities of ${kills} killed nodes answered with what they had counted`,
    };
  });
}

/** One of the two other nodes that has entities, in turns; after a rebalance one of them may have none yet. */
async function anOwner(
  cluster: NodeCluster,
  keys: readonly string[],
  turn: number,
): Promise<{ readonly victim: ClusterNode; readonly held: Map<string, number> }> {
  for (const place of [1 + (turn % 2), 2 - (turn % 2)]) {
    const victim = cluster.nodes[place]!;
    const held = await keysOn(cluster, victim, keys);
    if (held.size > 0) return { victim, held };
  }
  throw new Error('no node but the first one had an entity');
}

/** Stops a node in the planned way while its entities are asked, and measures how long each was away. */
export function ownerStopped({ stops, entities }: Sizes): Promise<Measurement> {
  return withEntities(3, async (cluster) => {
    const keys = keysOf(entities!);
    await cluster.first.process.call('fill', { count: entities, clients: CLIENTS });
    const pauses = new Histogram();
    let lost = 0;
    let acknowledged = 0;
    for (let stop = 0; stop < stops!; stop++) {
      const leaving = cluster.nodes[1 + (stop % 2)]!;
      const held = await keysOn(cluster, leaving, keys);
      const moved = [...held.keys()];
      await cluster.first.process.call('startLoad', moved);
      await sleep(LOAD_BEFORE_MS);
      await within(PATIENCE_MS, 'the node has handed over', leaving.process.call('stop'));
      await sleep(LOAD_BEFORE_MS);
      const load = await cluster.first.process.call<Record<string, KeyLoad>>('endLoad');
      const after = await cluster.first.process.call<EntityAnswer[]>('getAll', moved);
      moved.forEach((key, i) => {
        const expected = held.get(key)! + load[key]!.acknowledged;
        lost += Math.max(0, expected - after[i]!.count);
        acknowledged += load[key]!.acknowledged;
        pauses.record(load[key]!.longestMs);
      });
      await leaving.process.kill();
      await within(PATIENCE_MS, 'the stopped node takes part again', cluster.restart(leaving));
      await settled(cluster, 3);
    }
    return {
      figures: { lost },
      histograms: { pause: pauses.pack() },
      verified: `${acknowledged} additions acknowledged to ${pauses.count} entities that moved, ${lost} lost`,
    };
  });
}

const LOAD_BEFORE_MS = 300;

/** Two nodes with many entities, then a third: how long until a third of the shards is its own. */
export function rebalance({ entities }: Sizes): Promise<Measurement> {
  return withEntities(2, async (cluster) => {
    const { process } = cluster.first;
    await process.call('fill', { count: 16, clients: 16 });
    const before = await memoryOf(cluster);
    const start = performance.now();
    await process.call('fill', { count: entities, clients: CLIENTS });
    const fillS = (performance.now() - start) / 1_000;
    const bytes = ((await memoryOf(cluster)) - before) / entities!;
    const joining = performance.now();
    const third = await cluster.grow();
    const moved = await settled(cluster, 3);
    const rebalanceMs = performance.now() - joining;
    const keys = keysOf(entities!).filter((_, i) => i % Math.ceil(entities! / SPOT_CHECKS) === 0);
    const answers = await process.call<EntityAnswer[]>('getAll', keys);
    const wrong = answers.filter(({ count }, i) => count < 1 || (keys[i] === 'k0' && count < 2)).length;
    if (wrong > 0) throw new Error(`${wrong} of ${keys.length} entities forgot what they had counted`);
    const onThird = answers.filter(({ by }) => by === nameOf(third)).length;
    if (onThird === 0) throw new Error('the new node was given nothing');
    return {
      figures: {
        rebalance: rebalanceMs,
        'rebalance-rate': (((entities! * moved) / SHARDS) * 1_000) / rebalanceMs,
        'entity-bytes': bytes,
        fill: entities! / fillS,
      },
      verified: `${moved} of ${SHARDS} shards went to the new node; ${keys.length} entities asked, all with what they had counted, ${onThird} there`,
    };
  });
}

const SHARDS = 256;
const SPOT_CHECKS = 1_000;

async function memoryOf(cluster: NodeCluster): Promise<number> {
  const all = await Promise.all(cluster.nodes.map(({ process }) => process.call<number>('memory')));
  return all.reduce((sum, bytes) => sum + bytes, 0);
}

/** Waits until every node has more than half of its share and nothing moves; gives how many shards the last node has. */
async function settled(cluster: NodeCluster, nodes: number): Promise<number> {
  const wait = async () => {
    for (;;) {
      const { shards, moving } = await cluster.first.process.call<EntityStatus>('status');
      const shares = cluster.nodes.map((node) => shards[nameOf(node)] ?? 0);
      const isEven = Math.min(...shares) > SHARDS / nodes / 2;
      if (moving === 0 && isEven && (shards[''] ?? 0) === 0) return shares.at(-1)!;
      await sleep(5);
    }
  };
  return await within(REBALANCE_PATIENCE_MS, 'every node has its share', wait());
}
