import { isTuttiError } from '@tutti/kernel';
import { describe, expect, test } from 'vitest';
import { ReplicaCluster, type TestNode } from './testing/replica-cluster.ts';

const started = (...args: ConstructorParameters<typeof ReplicaCluster>): ReplicaCluster => {
  const cluster = new ReplicaCluster(...args);
  cluster.startAll();
  return cluster;
};

describe('a cluster of three replicas', () => {
  test('elects one leader and answers commands proposed on every node', () => {
    const cluster = started(3);
    cluster.electLeader();
    const calls = cluster.nodes.map((node) => cluster.propose(node, 'x'));
    cluster.until('every command is answered', () => calls.every((call) => call.done));
    expect(calls.map((call) => call.failure)).toEqual([undefined, undefined, undefined]);
    expect(new Set(calls.map((call) => call.result))).toEqual(new Set([1, 2, 3]));
    cluster.run(200);
    for (const node of cluster.nodes) expect(node.counter.counts).toEqual({ x: 3 });
  });

  test('puts the proposals of one turn into one write', () => {
    const cluster = started(3);
    const leader = cluster.electLeader();
    const warm = cluster.propose(leader, 'warm');
    cluster.until('the session is open', () => warm.done);
    const before = leader.replica.stats().flushes;
    const calls = Array.from({ length: 200 }, (_, i) => cluster.propose(leader, `k${i}`));
    cluster.until('all answered', () => calls.every((call) => call.done));
    expect(leader.replica.stats().flushes - before).toBe(1);
    expect(leader.replica.stats().flushedEntriesMax).toBe(200);
  });

  test('applies the same history everywhere, in the order of each proposer', () => {
    const cluster = started(3);
    cluster.electLeader();
    for (let i = 0; i < 50; i++)
      for (const node of cluster.nodes) cluster.propose(node, `${node.id}:${String(i).padStart(2, '0')}`);
    cluster.run(3_000);
    const [first, ...others] = cluster.nodes.map((node) => node.counter.history);
    expect(first).toHaveLength(150);
    for (const other of others) expect(other).toEqual(first);
    for (const node of cluster.nodes) {
      const own = first!.filter((key) => key.startsWith(`${node.id}:`));
      expect(own).toEqual(own.toSorted());
    }
  });

  test('gives a refusal back as the result, and goes on', () => {
    const cluster = started(3);
    cluster.electLeader();
    const [follower] = cluster.followers();
    const refused = cluster.propose(follower!, 'x', -1);
    const taken = cluster.propose(follower!, 'x', 5);
    cluster.until('both are answered', () => refused.done && taken.done);
    expect(isTuttiError(refused.failure, 'TUTTI_DURATION_INVALID')).toBe(true);
    expect(taken.result).toBe(5);
  });

  test('stamps entries with a time that never goes back', () => {
    const cluster = started(3);
    cluster.electLeader();
    for (let i = 0; i < 20; i++) {
      cluster.propose(cluster.nodes[i % 3]!, 'x');
      cluster.run(30);
    }
    cluster.run(500);
    const times = cluster.nodes[0]!.counter.times;
    expect(times).toHaveLength(20);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times[0]).toBeGreaterThan(1_767_225_600_000);
  });

  test('refuses a command for a module it does not have', () => {
    const cluster = started(3);
    const leader = cluster.electLeader();
    let failure: Error | undefined;
    leader.replica.proposeWith('nobody', {}, undefined, (problem) => (failure = problem));
    expect(isTuttiError(failure, 'TUTTI_MODULE_UNKNOWN')).toBe(true);
  });

  test('refuses a command that is too large', () => {
    const cluster = started(3, { commandBytesMax: 100 });
    const leader = cluster.electLeader();
    const call = cluster.propose(leader, 'x'.repeat(101));
    expect(isTuttiError(call.failure, 'TUTTI_PROPOSAL_TOO_LARGE')).toBe(true);
  });

  test('takes no more than the stated number of waiting commands, and loses none of those', () => {
    const cluster = started(3, { pendingMax: 10 });
    const leader = cluster.electLeader();
    const calls = Array.from({ length: 12 }, () => cluster.propose(leader, 'x'));
    expect(calls.map((call) => isTuttiError(call.failure, 'TUTTI_OVERLOADED'))).toEqual([
      ...Array.from({ length: 10 }, () => false),
      true,
      true,
    ]);
    cluster.until('the others are answered', () => calls.every((call) => call.done));
    expect(leader.counter.counts['x']).toBe(10);
  });

  test('stops everywhere, and says why, when a module throws what is no refusal', () => {
    const cluster = started(3);
    const leader = cluster.electLeader();
    const call = cluster.propose(leader, 'defect');
    cluster.run(1_000);
    expect(isTuttiError(call.failure, 'TUTTI_OUTCOME_UNKNOWN')).toBe(true);
    for (const node of cluster.nodes) {
      expect(node.failure).toBeInstanceOf(TypeError);
      expect(node.replica.status().role).toBe('stopped');
    }
  });

  test('fails what waits when it is stopped', () => {
    const cluster = started(3);
    const leader = cluster.electLeader();
    const call = cluster.propose(leader, 'x');
    const read = cluster.read(leader);
    let stopped = false;
    leader.replica.stopWith(() => (stopped = true));
    cluster.run(100);
    expect(stopped).toBe(true);
    expect(isTuttiError(call.failure, 'TUTTI_CLOSED')).toBe(true);
    expect(isTuttiError(read.failure, 'TUTTI_CLOSED')).toBe(true);
    expect(isTuttiError(cluster.propose(leader, 'y').failure, 'TUTTI_CLOSED')).toBe(true);
  });

  test('tells watchers of each command after its effect, and listeners of each change of leader', () => {
    const cluster = new ReplicaCluster(3);
    const roles: string[] = [];
    const seen: unknown[] = [];
    cluster.startAll();
    const [node] = cluster.nodes;
    node!.replica.onStatus((status) => roles.push(`${status.role}@${status.term} of ${status.leader}`));
    node!.replica.watch('counter', {
      applied: (command, outcome) => seen.push([command, outcome, { ...node!.counter.counts }]),
    });
    cluster.electLeader();
    cluster.propose(node!, 'x', 7);
    cluster.run(1_000);
    expect(seen).toEqual([[{ add: 'x', by: 7 }, 7, { x: 7 }]]);
    expect(roles.at(-1)).toContain(`of ${cluster.leader()!.id}`);
    expect(new Set(roles).size).toBe(roles.length);
  });
});

describe('a voter without others', () => {
  test('leads at once, on every start: it has nobody to wait for', () => {
    const cluster = new ReplicaCluster(1);
    const [alone] = cluster.nodes;
    for (const life of [1, 2]) {
      cluster.startAll();
      cluster.run(20);
      expect(alone!.replica.status(), `life ${life}`).toMatchObject({ role: 'leader', term: life });
      cluster.crash(alone!);
    }
  });
});

describe('linearizable reads', () => {
  test('show on a follower what was acknowledged to another node before', () => {
    const cluster = started(3);
    cluster.electLeader();
    const [reader, writer] = cluster.followers();
    for (let round = 1; round <= 10; round++) {
      const write = cluster.propose(writer!, 'x');
      cluster.until('the write is acknowledged', () => write.done);
      const read = cluster.read(reader!);
      cluster.until('the read is answered', () => read.done);
      expect(read.failure).toBeUndefined();
      expect(reader!.counter.counts['x']).toBe(round);
    }
  });

  test('are not answered by a leader that was cut off', () => {
    const cluster = started(3);
    const old = cluster.electLeader();
    cluster.network.isolate(old.id);
    const read = cluster.read(old);
    cluster.run(5_000);
    expect(cluster.leader()).not.toBe(old);
    expect(read.result).toBeUndefined();
    cluster.network.heal();
    cluster.run(15_000);
    expect(read.done).toBe(true);
  });
});

describe('a snapshot that is asked for', () => {
  const taken = (node: TestNode) => {
    const outcome = { done: false, failure: undefined as Error | undefined, index: 0 };
    node.replica.takeSnapshotWith((failure, index) => Object.assign(outcome, { done: true, failure, index }));
    return outcome;
  };

  test('covers everything that was applied, and the log it covers is dropped', () => {
    const cluster = new ReplicaCluster(3, { trailingEntries: 0 });
    cluster.startAll();
    const leader = cluster.electLeader();
    const calls = Array.from({ length: 50 }, (_, i) => cluster.propose(leader, `k${i}`));
    cluster.until('all are answered', () => calls.every((call) => call.done));
    const { appliedIndex } = leader.replica.status();
    const first = taken(leader);
    const second = taken(leader);
    cluster.until('both are there', () => first.done && second.done);
    expect([first.failure, first.index >= appliedIndex, second.index >= appliedIndex]).toEqual([
      undefined,
      true,
      true,
    ]);
    expect(leader.replica.status().snapshotIndex).toBeGreaterThanOrEqual(appliedIndex);
    cluster.run(100);
    expect(leader.store.firstIndex).toBeGreaterThan(appliedIndex);
  });

  test('is refused by a replica that stops before it is written', () => {
    const cluster = new ReplicaCluster(1);
    cluster.startAll();
    const leader = cluster.electLeader();
    const call = cluster.propose(leader, 'k');
    cluster.until('it is answered', () => call.done);
    const outcome = taken(leader);
    leader.replica.stopWith(() => {});
    cluster.run(100);
    expect(isTuttiError(outcome.failure, 'TUTTI_CLOSED')).toBe(true);
  });
});
