import { isTuttiError } from '@tutti/kernel';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Call, ReplicaCluster, type TestNode } from './testing/replica-cluster.ts';

const started = (...args: ConstructorParameters<typeof ReplicaCluster>): ReplicaCluster => {
  const cluster = new ReplicaCluster(...args);
  cluster.startAll();
  return cluster;
};

/** Commits `count` commands, in batches of a turn each. */
function fill(cluster: ReplicaCluster, node: TestNode, count: number): void {
  const calls = Array.from({ length: count }, (_, i) => cluster.propose(node, `fill${i}`));
  cluster.until('the log is filled', () => calls.every((call) => call.done));
  for (const call of calls) expect(call.failure).toBeUndefined();
}

const isAnswered = (call: Call): boolean => call.done && call.failure === undefined;

describe('exactly once', () => {
  test('commands under way when the leader dies are each applied once, and answered', () => {
    for (let dieAfterMs = 0; dieAfterMs <= 6; dieAfterMs++) {
      const cluster = started(3);
      const leader = cluster.electLeader();
      const [proposer] = cluster.followers();
      fill(cluster, proposer!, 1);
      const calls = Array.from({ length: 20 }, (_, i) => cluster.propose(proposer!, `k${i}`));
      cluster.run(dieAfterMs);
      cluster.crash(leader);
      cluster.until('every command is answered', () => calls.every((call) => call.done));
      expect(calls.map((call) => call.result)).toEqual(Array.from({ length: 20 }, () => 1));
      const counts = Object.entries(proposer!.counter.counts).filter(([key]) => key.startsWith('k'));
      expect(counts.map(([, value]) => value)).toEqual(Array.from({ length: 20 }, () => 1));
    }
  });

  test('a leader that is cut off has its commands applied once by its successor', () => {
    const cluster = started(3);
    const old = cluster.electLeader();
    fill(cluster, old, 1);
    cluster.network.isolate(old.id);
    const calls = Array.from({ length: 10 }, (_, i) => cluster.propose(old, `k${i}`));
    cluster.run(2_000);
    expect(calls.some((call) => call.done)).toBe(false);
    cluster.network.heal();
    cluster.until('every command is answered', () => calls.every((call) => call.done));
    expect(calls.map((call) => call.result)).toEqual(Array.from({ length: 10 }, () => 1));
  });

  test('a forwarded command whose message is lost is sent again and applied once', () => {
    const cluster = started(3);
    cluster.electLeader();
    const [proposer] = cluster.followers();
    fill(cluster, proposer!, 1);
    let lost = 0;
    cluster.network.drops = (_from, _to, message) => (message as number[])[0] === 20 && lost++ === 0;
    const call = cluster.propose(proposer!, 'once');
    cluster.until('it is answered', () => call.done);
    expect(call.result).toBe(1);
    expect(lost).toBeGreaterThan(1);
  });

  test('a repeated copy that arrives late changes nothing', () => {
    const cluster = started(3, { resendMs: 1 });
    cluster.electLeader();
    const [proposer] = cluster.followers();
    fill(cluster, proposer!, 1);
    // Every tick sends everything again that is not answered: many copies of each reach the log.
    cluster.network.drops = (_from, to, message) => to === proposer!.id && (message as number[])[0] === 3;
    const calls = Array.from({ length: 5 }, (_, i) => cluster.propose(proposer!, `k${i}`));
    cluster.run(250);
    cluster.network.drops = () => false;
    cluster.until('every command is answered', () => calls.every((call) => call.done));
    expect(calls.map((call) => call.result)).toEqual([1, 1, 1, 1, 1]);
    cluster.run(500);
    expect(proposer!.replica.stats().resent).toBeGreaterThan(0);
    for (const node of cluster.nodes)
      for (let i = 0; i < 5; i++) expect(node.counter.counts[`k${i}`]).toBe(1);
  });

  test('a session that the cluster forgot is opened anew without the caller noticing', () => {
    const cluster = started(3, { sessionsMax: 1 });
    cluster.electLeader();
    for (let round = 0; round < 3; round++)
      for (const node of cluster.nodes) {
        const call = cluster.propose(node, 'x');
        cluster.until('it is answered', () => call.done);
        expect(call.failure).toBeUndefined();
      }
    expect(cluster.leader()!.counter.counts['x']).toBe(9);
  });

  test('holds under any sequence of crashes, restarts and cuts', () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('propose' as const),
        node: fc.nat(2),
        count: fc.integer({ min: 1, max: 5 }),
      }),
      fc.record({ kind: fc.constantFrom('crash' as const, 'isolate' as const), node: fc.nat(2) }),
      fc.record({ kind: fc.constant('run' as const), ms: fc.integer({ min: 1, max: 900 }) }),
      fc.record({ kind: fc.constant('heal' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 30 }), fc.nat(1000), (steps, seed) => {
        const cluster = started(3, { snapshotEntries: 7, trailingEntries: 2 }, 0, seed);
        let next = 0;
        const calls: { readonly key: string; readonly call: Call }[] = [];
        for (const action of steps) {
          if (action.kind === 'run') cluster.run(action.ms);
          else if (action.kind === 'heal') cluster.network.heal();
          else if (action.kind === 'propose') {
            for (let i = 0; i < action.count; i++) {
              const key = `k${next++}`;
              calls.push({ key, call: cluster.propose(cluster.nodes[action.node]!, key) });
            }
          } else {
            const node = cluster.nodes[action.node]!;
            if (action.kind === 'isolate') cluster.network.isolate(node.id);
            else {
              cluster.crash(node);
              cluster.run(10);
              cluster.start(node);
            }
          }
        }
        cluster.network.heal();
        cluster.run(15_000);
        expect(cluster.nodes.map((node) => node.failure)).toEqual([undefined, undefined, undefined]);
        const [first, ...others] = cluster.nodes;
        for (const other of others) expect(other.counter.history).toEqual(first!.counter.history);
        for (const { key, call } of calls) {
          const applied = first!.counter.history.filter((name) => name === key).length;
          expect(applied).toBeLessThanOrEqual(1);
          if (isAnswered(call)) expect(applied, key).toBe(1);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('a replica that comes back', () => {
  test('has its state again from its own log', () => {
    const cluster = started(3);
    const leader = cluster.electLeader();
    fill(cluster, leader, 30);
    for (const node of cluster.nodes) cluster.crash(node);
    cluster.run(100);
    cluster.startAll();
    cluster.electLeader();
    cluster.run(500);
    for (const node of cluster.nodes) expect(node.counter.history).toHaveLength(30);
  });

  test('has its state again from snapshot and log, and remembers the sessions in it', () => {
    const cluster = started(3, { snapshotEntries: 10, trailingEntries: 3 });
    const leader = cluster.electLeader();
    for (let i = 0; i < 4; i++) fill(cluster, leader, 12);
    cluster.run(500);
    expect(leader.replica.status().snapshotIndex).toBeGreaterThan(10);
    for (const node of cluster.nodes) cluster.crash(node);
    cluster.run(100);
    cluster.startAll();
    cluster.electLeader();
    cluster.run(500);
    for (const node of cluster.nodes) {
      expect(node.counter.history).toHaveLength(48);
      expect(node.counter.times.length).toBeLessThan(48);
    }
  });

  test('after a long absence, is brought up by a snapshot', () => {
    const cluster = started(3, { snapshotEntries: 20, trailingEntries: 5, snapshotChunkBytes: 300 });
    const leader = cluster.electLeader();
    const [absent] = cluster.followers();
    cluster.crash(absent!);
    for (let i = 0; i < 5; i++) fill(cluster, leader, 25);
    cluster.start(absent!);
    const restored: number[] = [];
    absent!.replica.watch('counter', { restored: (index) => restored.push(index) });
    cluster.until('it caught up', () => absent!.counter.history.length === 125);
    expect(absent!.counter.history).toEqual(leader.counter.history);
    expect(absent!.replica.stats().snapshotsInstalled).toBe(1);
    expect(restored).toHaveLength(1);
    cluster.run(100);
    expect(leader.replica.stats().snapshotsSent).toBe(1);
    fill(cluster, absent!, 5);
    expect(absent!.counter.history).toHaveLength(130);
  });

  test('receives a snapshot whole even when chunks and answers are lost', () => {
    const cluster = started(3, { snapshotEntries: 20, trailingEntries: 5, snapshotChunkBytes: 300 });
    const leader = cluster.electLeader();
    const [absent] = cluster.followers();
    cluster.crash(absent!);
    for (let i = 0; i < 5; i++) fill(cluster, leader, 25);
    let messages = 0;
    cluster.network.drops = (_from, _to, message) =>
      [9, 10].includes((message as number[])[0]!) && messages++ % 3 === 1;
    cluster.start(absent!);
    cluster.until('it caught up', () => absent!.counter.history.length === 125);
    expect(messages).toBeGreaterThan(5);
    expect(absent!.counter.history).toEqual(leader.counter.history);
  });

  test('as a learner follows everything and never leads', () => {
    const cluster = started(3, {}, 1);
    const leader = cluster.electLeader();
    fill(cluster, leader, 5);
    const learner = cluster.nodes[3]!;
    expect(learner.replica.status().role).toBe('learner');
    fill(cluster, learner, 5);
    expect(learner.counter.history).toHaveLength(10);
    for (const node of cluster.nodes) if (node !== learner) cluster.crash(node);
    cluster.run(5_000);
    expect(learner.replica.status().role).toBe('learner');
  });
});

describe('without a majority', () => {
  test('a command that was never sent fails fast with no leader known', () => {
    const cluster = started(3);
    const [alone, ...others] = cluster.nodes;
    cluster.run(10);
    for (const node of others) cluster.crash(node);
    const call = cluster.propose(alone!, 'x');
    cluster.run(3_500);
    expect(isTuttiError(call.failure, 'TUTTI_NO_LEADER')).toBe(true);
    const later = cluster.propose(alone!, 'x');
    expect(isTuttiError(later.failure, 'TUTTI_NO_LEADER')).toBe(true);
    expect(isTuttiError(cluster.read(alone!).failure, 'TUTTI_NO_LEADER')).toBe(true);
  });

  test('a command that was sent ends with its outcome unknown', () => {
    const cluster = started(3);
    const leader = cluster.electLeader();
    fill(cluster, leader, 1);
    for (const node of cluster.followers()) cluster.crash(node);
    const call = cluster.propose(leader, 'x', 1, 1_000);
    cluster.run(900);
    expect(call.done).toBe(false);
    cluster.run(200);
    expect(isTuttiError(call.failure, 'TUTTI_OUTCOME_UNKNOWN')).toBe(true);
  });

  test('a single voter is its own majority', () => {
    const cluster = started(1);
    const leader = cluster.electLeader();
    fill(cluster, leader, 3);
    const read = cluster.read(leader);
    cluster.until('the read is answered', () => read.done);
    expect(read.failure).toBeUndefined();
  });
});
