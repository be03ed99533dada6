import { isTuttiError, logIndex, nodeId, TuttiError } from '@tutti/kernel';
import { describe, expect, test } from 'vitest';
import type { MemoryDamage } from '../storage/memory-log-store.ts';
import type { ReplicaConfig } from './replica-options.ts';
import { ReplicaCluster, type TestNode } from './testing/replica-cluster.ts';

/** A cluster that has agreed on some commands, and whose every disk has them. */
function agreed(commands: number, config: ReplicaConfig = {}, size = 3): ReplicaCluster {
  const cluster = new ReplicaCluster(size, config);
  cluster.startAll();
  const leader = cluster.electLeader();
  for (let i = 0; i < commands; i++) cluster.propose(leader, `k${i}`);
  cluster.until('all have applied', () =>
    cluster.nodes.every((node) => node.counter.history.length === commands),
  );
  cluster.run(200);
  return cluster;
}

function damaged(cluster: ReplicaCluster, node: TestNode, damage: MemoryDamage): void {
  cluster.crash(node);
  cluster.run(10);
  node.store.lose(damage);
  cluster.start(node);
}

const isServing = (node: TestNode): boolean =>
  node.replica.stats().repairs > 0 && node.replica.status().lastIndex > 0;

const histories = (cluster: ReplicaCluster): string[] =>
  cluster.nodes.map((node) => node.counter.history.join());

describe('a node whose log is damaged', () => {
  test('fetches the entries it lost from a peer and takes part again', () => {
    const cluster = agreed(20);
    const [node] = cluster.followers();
    damaged(cluster, node!, { entries: [5, 6, 7, 12] });
    cluster.until('it serves', () => isServing(node!));
    cluster.propose(cluster.leader()!, 'after');
    cluster.until('all agree', () => histories(cluster).every((history) => history.endsWith('after')));
    expect(node!.counter.history).toHaveLength(21);
  });

  test('answers calls with the reason until it has been repaired, and votes for nobody meanwhile', () => {
    const cluster = agreed(10);
    const [damagedNode, other] = cluster.followers();
    const leader = cluster.leader()!;
    for (const peer of cluster.nodes) if (peer !== damagedNode) cluster.network.cut(peer.id, damagedNode!.id);
    damaged(cluster, damagedNode!, { entries: [4] });
    cluster.run(2_000);
    const call = cluster.propose(damagedNode!, 'refused');
    expect(isTuttiError(call.failure, 'TUTTI_STORE_REPAIRING')).toBe(true);
    // Two of three voters are left, and one of them goes: the damaged node is heard again and must not help out.
    cluster.network.heal();
    cluster.network.drops = (_from, _to, message) => [30, 31].includes((message as number[])[0]!);
    cluster.crash(leader);
    cluster.run(5_000);
    expect(other!.replica.status().role).not.toBe('leader');
    cluster.network.drops = () => false;
    cluster.until('it serves', () => isServing(damagedNode!));
    cluster.until('they elect', () => cluster.leader() !== undefined);
  });

  test('heals with others that are damaged elsewhere, when no majority is whole', () => {
    const cluster = agreed(12);
    for (const node of cluster.nodes) cluster.crash(node);
    cluster.run(10);
    for (const [i, node] of cluster.nodes.entries()) node.store.lose({ entries: [3 + i, 8 + i] });
    cluster.startAll();
    cluster.until('all serve', () => cluster.nodes.every(isServing));
    cluster.propose(cluster.electLeader(), 'after');
    cluster.until('all agree', () => histories(cluster).every((history) => history.endsWith('after')));
    expect(new Set(histories(cluster)).size).toBe(1);
  });

  test('is not led back by a peer that lacks what it had acknowledged', () => {
    // The leader and one follower have the entry; the other follower lacks it and may not answer for it.
    const cluster = agreed(5);
    const leader = cluster.leader()!;
    const [holder, lagging] = cluster.followers();
    cluster.network.isolate(lagging!.id);
    const call = cluster.propose(leader, 'committed');
    cluster.until('it is committed', () => call.done);
    cluster.run(100);
    cluster.crash(leader);
    cluster.crash(holder!);
    cluster.run(10);
    holder!.store.lose({ endFrom: 6 });
    cluster.network.heal();
    cluster.start(holder!);
    cluster.run(20_000);
    expect(lagging!.replica.status().role).not.toBe('leader');
    expect(holder!.replica.stats().repairs).toBe(0);
    cluster.start(leader);
    cluster.until('it serves', () => isServing(holder!));
    cluster.until('all have it', () =>
      cluster.nodes.every((node) => node.counter.history.includes('committed')),
    );
  });

  test('whose end is lost follows a leader to its end before it votes', () => {
    const cluster = agreed(30);
    const [node] = cluster.followers();
    damaged(cluster, node!, { endFrom: 10 });
    cluster.until('it serves', () => isServing(node!));
    expect(node!.store.lastIndex).toBeGreaterThanOrEqual(31);
    cluster.until('all agree', () => new Set(histories(cluster)).size === 1);
  });

  test('has a leader of a lower term than its own make way for one that it may follow', () => {
    const cluster = agreed(10, { preVote: false });
    const [node] = cluster.followers();
    cluster.network.isolate(node!.id);
    cluster.run(3_000);
    const leader = cluster.leader()!;
    const { term } = node!.replica.status();
    expect(term).toBeGreaterThan(leader.replica.status().term);
    cluster.crash(node!);
    cluster.run(10);
    node!.store.lose({ endFrom: 5 });
    cluster.network.heal();
    cluster.start(node!);
    cluster.until('it serves', () => isServing(node!));
    expect(cluster.electLeader().replica.status().term).toBeGreaterThanOrEqual(term);
  });

  test('has it make way too when what is lost was never agreed, so that nobody has it', () => {
    const cluster = agreed(10, { preVote: false });
    const node = cluster.leader()!;
    cluster.network.isolate(node.id);
    for (let i = 0; i < 5; i++) cluster.propose(node, 'nowhere');
    cluster.run(3_000);
    const { term, lastIndex } = node.replica.status();
    const others = cluster.nodes.filter((other) => other !== node).map((other) => other.replica.status());
    expect(term).toBeGreaterThan(others.find(({ role }) => role === 'leader')!.term);
    cluster.crash(node);
    cluster.run(10);
    node.store.lose({ entries: [lastIndex - 2] });
    cluster.network.heal();
    cluster.start(node);
    cluster.until('it serves', () => isServing(node));
    cluster.propose(cluster.electLeader(), 'after');
    cluster.until('all agree', () => histories(cluster).every((history) => history.endsWith('after')));
  });

  test('goes on asking each of its peers when none could help: one of them may lead by now', () => {
    for (const [which, waitMs] of [
      [0, 0],
      [1, 0],
      [0, 300],
      [1, 300],
    ] as const) {
      const cluster = agreed(10);
      const node = cluster.leader()!;
      const [one, other] = cluster.followers();
      cluster.network.isolate(node.id);
      for (let i = 0; i < 5; i++) cluster.propose(node, 'nowhere');
      cluster.run(1_000);
      cluster.crash(node);
      cluster.run(10);
      node.store.lose({ entries: [14] });
      cluster.network.heal();
      cluster.network.cut(one!.id, other!.id);
      cluster.run(3_000);
      cluster.start(node);
      cluster.run(3_000);
      cluster.network.heal();
      cluster.network.isolate(node.id);
      const leads = (): TestNode | undefined =>
        cluster.nodes.find(
          ({ replica }) => replica.status().role === 'leader' && replica.status().commitIndex > 10,
        );
      cluster.until('one leads', () => leads() !== undefined);
      const wanted = [one!, other!][which]!;
      if (leads() !== wanted) leads()!.replica.transferLeadershipWith(wanted.id, () => {});
      cluster.until('that one leads', () => leads() === wanted);
      cluster.run(waitMs);
      cluster.network.heal();
      cluster.until('it serves', () => isServing(node));
    }
  });

  test('waits for a leader as long as there is none, though every peer has said that it does not lead', () => {
    for (const damage of [{ endFrom: 4 }, { endFrom: 4, hardState: true }]) {
      const cluster = agreed(8);
      const [one, two, node] = cluster.nodes;
      cluster.network.cut(one!.id, two!.id);
      cluster.crash(node!);
      cluster.run(5_000);
      expect(cluster.nodes.map(({ replica }) => replica.status().role)).not.toContain('leader');
      node!.store.lose(damage);
      cluster.start(node!);
      cluster.run(150_000);
      expect([node!.failure, node!.replica.stats().repairs]).toEqual([undefined, 0]);
      cluster.network.heal();
      cluster.until('it serves', () => isServing(node!));
      cluster.until('all agree', () => new Set(histories(cluster)).size === 1);
    }
  });

  test('takes a snapshot from a peer that has compacted what it lost', () => {
    const cluster = agreed(60, { snapshotEntries: 20, trailingEntries: 2 });
    const [node] = cluster.followers();
    cluster.crash(node!);
    cluster.run(10);
    node!.store.lose({ snapshot: true });
    cluster.start(node!);
    cluster.until('it serves', () => isServing(node!));
    cluster.until('all agree', () => new Set(histories(cluster)).size === 1);
    expect(node!.store.snapshot()?.meta.index).toBeGreaterThan(0);
  });
});

describe('a damaged node whose disk is full', () => {
  const full = new TuttiError('TUTTI_STORE_FULL', { directory: 'memory' });

  test('takes the snapshot that it needs when there is space', () => {
    const cluster = agreed(60, { snapshotEntries: 20, trailingEntries: 2 });
    const [node] = cluster.followers();
    const { store } = node!;
    const begin = store.beginSnapshot.bind(store);
    let refusals = 0;
    let isFull = true;
    store.beginSnapshot = (meta) => {
      const writer = begin(meta);
      const write = writer.write.bind(writer);
      writer.write = (data, done) => {
        if (!isFull) return write(data, done);
        refusals++;
        done(full);
      };
      return writer;
    };
    damaged(cluster, node!, { snapshot: true });
    cluster.run(10_000);
    expect([node!.failure, node!.replica.stats().repairs]).toEqual([undefined, 0]);
    expect(refusals).toBeGreaterThan(1);
    isFull = false;
    cluster.until('it serves', () => isServing(node!));
    cluster.until('all agree', () => new Set(histories(cluster)).size === 1);
  });

  test('puts what it has fetched in its place when there is space', () => {
    const cluster = agreed(20);
    const [node] = cluster.followers();
    const { store } = node!;
    const repair = store.repair.bind(store);
    let refusals = 0;
    let isFull = true;
    store.repair = (step, done) => {
      if (!isFull) return repair(step, done);
      refusals++;
      done(full);
    };
    damaged(cluster, node!, { entries: [5, 6] });
    cluster.run(10_000);
    expect([node!.failure, node!.replica.stats().repairs]).toEqual([undefined, 0]);
    expect(refusals).toBeGreaterThan(1);
    expect(refusals).toBeLessThan(50);
    isFull = false;
    cluster.until('it serves', () => isServing(node!));
    cluster.until('all agree', () => new Set(histories(cluster)).size === 1);
  });
});

describe('a node that has lost term and vote', () => {
  test('waits for a majority without it, and takes up the term of their leader', () => {
    const cluster = agreed(8, {}, 5);
    const [node, ...others] = cluster.followers();
    const [silent, ...more] = others;
    for (const { id } of [silent!, ...more]) cluster.network.isolate(id);
    damaged(cluster, node!, { hardState: true, endFrom: 4 });
    cluster.run(10_000);
    expect(node!.replica.stats().repairs).toBe(0);
    cluster.network.heal();
    // One is gone for good: it may be what this node has voted for, and still is not waited for.
    cluster.network.isolate(silent!.id);
    cluster.until('it serves', () => isServing(node!));
    expect(node!.replica.status().term).toBe(cluster.leader()!.replica.status().term);
    cluster.network.heal();
    cluster.until('all agree', () => new Set(histories(cluster)).size === 1);
  });

  test('does not take part before its leader has committed something that is younger than the question', () => {
    // The candidate that it has voted for lacks that; what the leader had before, the candidate may have as well.
    const cluster = agreed(8);
    const leader = cluster.leader()!;
    const [node, other] = cluster.followers();
    const ends = leader.store.lastIndex;
    cluster.crash(other!);
    damaged(cluster, node!, { hardState: true, endFrom: 1 });
    cluster.until('the leader was asked for an entry', () => leader.store.lastIndex > ends);
    expect([leader.replica.status().role, leader.replica.status().commitIndex]).toEqual(['leader', ends]);
    cluster.run(10_000);
    expect(node!.replica.stats().repairs).toBe(0);
    cluster.start(other!);
    cluster.until('it serves', () => isServing(node!));
    cluster.until('all agree', () => new Set(histories(cluster)).size === 1);
  });

  test('does not wait for others that have lost theirs, as long as they are no majority together', () => {
    for (const [size, heals] of [
      [5, true],
      [3, false],
    ] as const) {
      const cluster = agreed(8, {}, size);
      const [one, two] = cluster.followers();
      for (const node of [one!, two!]) cluster.crash(node);
      cluster.run(10);
      for (const node of [one!, two!]) node.store.lose({ hardState: true, endFrom: 1 });
      for (const node of [one!, two!]) cluster.start(node);
      cluster.run(30_000);
      expect([one!, two!].map(isServing), `${size} voters`).toEqual([heals, heals]);
      if (heals) expect(new Set(histories(cluster)).size).toBe(1);
    }
  });

  test('does not follow a leader of a term that it may have left', () => {
    // It may have voted in the candidate's later term: the old leader must not commit with its help.
    const cluster = agreed(8);
    const leader = cluster.leader()!;
    const [node, candidate] = cluster.followers();
    cluster.network.cut(leader.id, candidate!.id);
    cluster.network.cut(leader.id, node!.id);
    cluster.until(
      'a second leader',
      () => candidate!.replica.status().role === 'leader' || node!.replica.status().role === 'leader',
    );
    const [second, voter] =
      candidate!.replica.status().role === 'leader' ? [candidate!, node!] : [node!, candidate!];
    cluster.network.heal();
    cluster.network.cut(second.id, voter.id);
    damaged(cluster, voter, { hardState: true, endFrom: 9 });
    cluster.run(5_000);
    expect(voter.replica.stats().repairs).toBe(0);
    cluster.network.heal();
    cluster.until('it serves', () => isServing(voter));
    cluster.until('all agree', () => new Set(histories(cluster)).size === 1);
  });
});

describe('a damaged node of a group whose members changed after its snapshot', () => {
  /** Three voters with a snapshot, and a fourth that came after it and started without any. */
  function grown() {
    const cluster = agreed(30, { snapshotEntries: 20, trailingEntries: 2 });
    const fourth = cluster.add('n4');
    const member = { node: fourth.id };
    const before = cluster.leader()!.store.lastIndex;
    const change = cluster.change(cluster.leader()!, { type: 'addLearner', member, promote: true });
    cluster.until('it votes', () => change.done && fourth.replica.status().membership.standing === 'voter');
    for (let i = 0; i < 3; i++) cluster.propose(cluster.leader()!, 'later');
    cluster.until('all agree', () => cluster.nodes.every(({ counter }) => counter.history.length === 33));
    cluster.run(200);
    const node = cluster.followers().find((follower) => follower !== fourth)!;
    expect(node.store.snapshot()!.meta.membership.voters).not.toContain(fourth.id);
    return { cluster, fourth, node, before };
  }

  test.each([
    ['of which it can still read', false],
    ['of which only the others know', true],
  ])('waits for a majority of the members %s', (_, isLost) => {
    const { cluster, fourth, node, before } = grown();
    expect(cluster.leader()).not.toBe(fourth);
    cluster.network.isolate(fourth.id);
    const endFrom = isLost ? before + 1 : node.store.lastIndex;
    damaged(cluster, node, { hardState: true, endFrom });
    cluster.run(10_000);
    expect([node.replica.stats().repairs, node.failure]).toEqual([0, undefined]);
    cluster.network.heal();
    cluster.until('it serves', () => isServing(node));
    cluster.until('all agree', () => new Set(histories(cluster)).size === 1);
  });

  test('is not kept waiting by a voter that was removed long ago and has ended', () => {
    const { cluster, fourth, node } = grown();
    const gone = cluster.followers().find((follower) => follower !== node && follower !== fourth)!;
    const change = cluster.change(cluster.leader()!, { type: 'remove', node: gone.id });
    cluster.until('it is out', () => change.done);
    cluster.crash(gone);
    damaged(cluster, node, { hardState: true, endFrom: 1 });
    cluster.until('it serves', () => isServing(node));
    const rest = cluster.nodes.filter((other) => other !== gone);
    cluster.until('all agree', () => new Set(rest.map(({ counter }) => counter.history.join())).size === 1);
  });

  test('finds those who are linked when it has lost every configuration and was started with none', () => {
    const { cluster, fourth } = grown();
    damaged(cluster, fourth, { snapshot: true, hardState: true, endFrom: 1 });
    cluster.until('it serves', () => isServing(fourth));
    cluster.until('all agree', () => new Set(histories(cluster)).size === 1);
  });

  test('finds its peers in its log if its start options name none', () => {
    const cluster = agreed(5);
    const fourth = cluster.add('n4');
    const member = { node: fourth.id };
    const change = cluster.change(cluster.leader()!, { type: 'addLearner', member, promote: true });
    cluster.until('it votes', () => change.done && fourth.replica.status().membership.standing === 'voter');
    expect(fourth.store.snapshot()).toBeUndefined();
    damaged(cluster, fourth, { entries: [3] });
    cluster.until('it serves', () => isServing(fourth));
    cluster.until('all agree', () => new Set(histories(cluster)).size === 1);
  });
});

describe('damage that nobody can make up for', () => {
  test('stops a single voter with its code', () => {
    const cluster = agreed(5, {}, 1);
    damaged(cluster, cluster.nodes[0]!, { entries: [3] });
    cluster.run(10);
    expect(isTuttiError(cluster.nodes[0]!.failure, 'TUTTI_STORE_BEYOND_REPAIR')).toBe(true);
  });

  test('stops a node that votes alone, though somebody is linked who says nothing, after the stated time', () => {
    const cluster = agreed(5, { repairGiveUpMs: 5_000 }, 1);
    const [node] = cluster.nodes;
    cluster.network.attach(nodeId('stranger'));
    damaged(cluster, node!, { entries: [3] });
    cluster.run(4_000);
    expect(node!.failure).toBeUndefined();
    cluster.run(4_000);
    expect(isTuttiError(node!.failure, 'TUTTI_STORE_BEYOND_REPAIR')).toBe(true);
  });

  test('stops a node whose every peer has lost the same, after the stated time', () => {
    const cluster = agreed(12, { repairGiveUpMs: 5_000 });
    for (const node of cluster.nodes) cluster.crash(node);
    cluster.run(10);
    for (const node of cluster.nodes) node.store.lose({ entries: [6] });
    cluster.startAll();
    cluster.run(4_000);
    expect(cluster.nodes.map((node) => node.failure)).toEqual([undefined, undefined, undefined]);
    cluster.run(4_000);
    for (const { failure } of cluster.nodes)
      expect(isTuttiError(failure, 'TUTTI_STORE_BEYOND_REPAIR')).toBe(true);
  });

  test('stops nodes that have all lost their ends, since none of them can lead', () => {
    const cluster = agreed(12, { repairGiveUpMs: 5_000 });
    for (const node of cluster.nodes) cluster.crash(node);
    cluster.run(10);
    for (const node of cluster.nodes) node.store.lose({ endFrom: 6 });
    cluster.startAll();
    cluster.run(8_000);
    for (const { failure } of cluster.nodes)
      expect(isTuttiError(failure, 'TUTTI_STORE_BEYOND_REPAIR')).toBe(true);
  });

  test('ends its start when it is stopped meanwhile, and is repaired by a later one', () => {
    const cluster = agreed(10);
    const [node] = cluster.followers();
    cluster.network.isolate(node!.id);
    damaged(cluster, node!, { entries: [4] });
    cluster.run(2_000);
    expect(node!.replica.status().role).toBe('repairing');
    let isStopped = false;
    node!.replica.stopWith((failure) => (isStopped = failure === undefined));
    cluster.run(100);
    expect(isStopped).toBe(true);
    expect(isTuttiError(node!.failure, 'TUTTI_CLOSED')).toBe(true);
    expect(node!.replica.status().role).toBe('stopped');
    cluster.network.detach(node!.id);
    cluster.network.heal();
    cluster.start(node!);
    cluster.until('it serves', () => isServing(node!));
  });

  test('is refused at the start where that was asked for', () => {
    const cluster = agreed(5, { repair: 'refuse' });
    const [node] = cluster.followers();
    damaged(cluster, node!, { entries: [3] });
    cluster.run(10);
    expect(isTuttiError(node!.failure, 'TUTTI_STORE_CORRUPT')).toBe(true);
    expect(node!.store.entries(logIndex(1), logIndex(2), Infinity)).toHaveLength(2);
  });
});
