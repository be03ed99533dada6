import { isTuttiError, type NodeId, nodeId } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { Handover } from './handover.ts';
import { ReplicaCluster, type TestNode } from './testing/replica-cluster.ts';

interface Outcome {
  done: boolean;
  failure: Error | undefined;
  leader: NodeId | undefined;
}

function transfer(node: TestNode, target?: NodeId): Outcome {
  const outcome: Outcome = { done: false, failure: undefined, leader: undefined };
  node.replica.transferLeadershipWith(target, (failure, leader) =>
    Object.assign(outcome, { done: true, failure, leader }),
  );
  return outcome;
}

function led(size = 3): { cluster: ReplicaCluster; leader: TestNode; others: TestNode[] } {
  const cluster = new ReplicaCluster(size);
  cluster.startAll();
  const leader = cluster.electLeader();
  const warm = cluster.nodes.map((node) => cluster.propose(node, 'warm'));
  cluster.until('every node has a session', () => warm.every((call) => call.done));
  return { cluster, leader, others: cluster.followers() };
}

/** The longest of an election timeout, in milliseconds, by default. */
const ELECTION_MS = 300;

test('leadership moves to the target without an election timeout, and no command is lost or applied twice', () => {
  const { cluster, leader, others } = led();
  const [target] = others;
  const calls = Array.from({ length: 30 }, (_, i) => cluster.propose(cluster.nodes[i % 3]!, `k${i}`));
  const before = cluster.clock.now();
  const outcome = transfer(leader, target!.id);
  const meanwhile = Array.from({ length: 30 }, (_, i) => cluster.propose(cluster.nodes[i % 3]!, `m${i}`));
  cluster.until('it has moved', () => outcome.done);
  expect(outcome).toMatchObject({ failure: undefined, leader: target!.id });
  expect(cluster.clock.now() - before).toBeLessThan(ELECTION_MS / 3);
  cluster.until('all are answered', () => [...calls, ...meanwhile].every((call) => call.done));
  cluster.run(200);
  expect([...calls, ...meanwhile].filter((call) => call.failure || call.result !== 1)).toEqual([]);
  for (const node of cluster.nodes) expect(node.counter.history).toHaveLength(63);
});

test('a transfer that its core has ended is over for whoever asks for the next, before anybody looked', () => {
  const core = {
    term: 1,
    leader: 'n1',
    transferTarget: 'n2' as string | undefined,
    transferLoss: undefined as unknown,
  };
  const chosen = ['n2', 'n3'];
  const transferLeadership = (): string => (core.transferTarget = chosen.shift()!);
  const handover = new Handover(Object.assign(core, { transferLeadership }) as never, {
    electionTicks: 5,
    tickMs: 10,
  });
  const ended: unknown[] = [];
  handover.begin(undefined, (failure) => ended.push(failure));
  // There was no link to send the word by.
  core.transferTarget = undefined;
  core.transferLoss = { target: 'n2', why: 'cannot be reached' };
  handover.begin(undefined, () => expect.unreachable('the second is under way'));
  expect(ended.map((failure) => isTuttiError(failure, 'TUTTI_TRANSFER_TARGET_LOST'))).toEqual([true]);
  expect(() => handover.begin(undefined, () => {})).toThrow('n3');
});

test('a target that is silent costs one election timeout, then everything that waited is done by the old leader', () => {
  const { cluster, leader, others } = led();
  cluster.network.drops = (_from, to) => to === others[0]!.id;
  const outcome = transfer(leader, others[0]!.id);
  const own = cluster.propose(leader, 'own');
  const forwarded = cluster.propose(others[1]!, 'forwarded');
  const before = cluster.clock.now();
  cluster.until('it is given up', () => outcome.done);
  expect(isTuttiError(outcome.failure, 'TUTTI_TRANSFER_TIMEOUT')).toBe(true);
  expect(cluster.clock.now() - before).toBeLessThanOrEqual(ELECTION_MS + 50);
  cluster.until('both are answered', () => own.done && forwarded.done);
  expect([own.failure, forwarded.failure]).toEqual([undefined, undefined]);
  // Nothing had to be sent again for it: what was forwarded waited at the leader.
  expect(others[1]!.replica.stats().resent).toBe(0);
  expect(cluster.leader()).toBe(leader);
});

/** A transfer, and what takes the vote of its target, or the target itself; how it ended and how long it took. */
function lose(take: (cluster: ReplicaCluster, leader: TestNode, target: TestNode) => void) {
  const { cluster, leader, others } = led();
  const target = others[0]!;
  // It never hears that it is to campaign.
  cluster.network.drops = (_from, to) => to === target.id;
  const outcome = transfer(leader, target.id);
  const waiting = cluster.propose(leader, 'waiting');
  const before = cluster.clock.now();
  take(cluster, leader, target);
  cluster.until('it has ended', () => outcome.done);
  const tookMs = cluster.clock.now() - before;
  cluster.until('what waited is done', () => waiting.done);
  expect(waiting.failure).toBeUndefined();
  expect(cluster.leader()).toBe(leader);
  return {
    code: isTuttiError(outcome.failure) && outcome.failure.code,
    text: outcome.failure?.message,
    tookMs,
  };
}

test('a target that is removed, made a learner or gone ends the transfer at once, and says why', () => {
  const removed = lose((cluster, leader, target) =>
    cluster.change(leader, { type: 'remove', node: target.id }),
  );
  const demoted = lose((cluster, leader, target) => {
    const voters = cluster.nodes.filter((node) => node !== target).map(({ id }) => ({ node: id }));
    cluster.change(leader, { type: 'set', voters, learners: [{ node: target.id }] });
  });
  const gone = lose((cluster, _leader, target) => cluster.crash(target));
  for (const { code, tookMs } of [removed, demoted, gone]) {
    expect(code).toBe('TUTTI_TRANSFER_TARGET_LOST');
    // The word that is said again at each tick finds no link.
    expect(tookMs).toBeLessThanOrEqual(50);
  }
  expect([removed.text, demoted.text].every((text) => text?.includes('lost its vote'))).toBe(true);
  expect(gone.text).toContain('cannot be reached');
});

test('refusals say at once why, on any node', () => {
  const { leader, others } = led();
  const failures = [
    transfer(others[0]!).failure,
    transfer(leader, leader.id).failure,
    transfer(leader, nodeId('nobody')).failure,
  ];
  expect(failures.map((failure) => (failure as { code?: string }).code)).toEqual([
    'TUTTI_NOT_LEADER',
    'TUTTI_TRANSFER_NEEDLESS',
    'TUTTI_TRANSFER_UNKNOWN',
  ]);
  expect(failures[0]!.message).toContain(`the leader is ${leader.id}`);
});

test('a leader that is stopped hands over first, so that commands go on within a few round trips', () => {
  const { cluster, leader, others } = led();
  let stopped = false;
  leader.replica.stopWith((failure) => {
    expect(failure).toBeUndefined();
    stopped = true;
  });
  const before = cluster.clock.now();
  const call = cluster.propose(others[0]!, 'after');
  cluster.until('the command is answered', () => call.done);
  expect(call.failure).toBeUndefined();
  expect(cluster.clock.now() - before).toBeLessThan(ELECTION_MS / 3);
  cluster.until('it has stopped', () => stopped);
  expect(leader.replica.status().role).toBe('stopped');
});

test('whoever stops while it hands over, or stops twice, ends once and tells everybody', () => {
  const { cluster, leader, others } = led();
  const outcome = transfer(leader, others[0]!.id);
  const ends: (Error | undefined)[] = [];
  leader.replica.stopWith((failure) => ends.push(failure));
  leader.replica.stopWith((failure) => ends.push(failure));
  cluster.run(2_000);
  expect(ends).toEqual([undefined, undefined]);
  expect(outcome.done).toBe(true);
});

test('a leader without anybody to follow it stops at once', () => {
  const { cluster, leader } = led(1);
  let stopped = false;
  leader.replica.stopWith(() => (stopped = true));
  expect(leader.replica.status().role).toBe('stopped');
  cluster.run(100);
  expect(stopped).toBe(true);
});
