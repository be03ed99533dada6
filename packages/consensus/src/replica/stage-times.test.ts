import { logIndex, nodeId, VirtualClock } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { STAGES, StageWatch } from './stage-times.ts';
import { ReplicaCluster } from './testing/replica-cluster.ts';

const b = nodeId('b');
const c = nodeId('c');

test('each stage is timed from its beginning to its end, batch by batch', () => {
  const clock = new VirtualClock();
  const watch = new StageWatch(clock);
  watch.appended(logIndex(3), [b, c]);
  clock.advance(2);
  watch.appended(logIndex(5), [b, c]);
  clock.advance(4);
  // Node b has the first batch and a part of the second; a part is not measured.
  watch.replicated(b, logIndex(4));
  watch.replicated(b, logIndex(4));
  watch.committed(logIndex(3));
  clock.advance(1);
  watch.applied(logIndex(3));
  watch.replicated(c, logIndex(5));
  const times = watch.times();
  expect(times.replicate).toMatchObject({ count: 3, max: 7 });
  expect(times.commit).toMatchObject({ count: 1, max: 6 });
  expect(times.apply).toMatchObject({ count: 1, max: 1 });
  expect(times.replicate.p50).toBeGreaterThan(5 * 0.95);
  expect(times.replicate.p50).toBeLessThan(7 * 1.05);
});

test('what was on its way when leadership ended is not measured', () => {
  const clock = new VirtualClock();
  const watch = new StageWatch(clock);
  watch.appended(logIndex(3), [b]);
  watch.forget();
  clock.advance(1_000);
  watch.replicated(b, logIndex(3));
  watch.committed(logIndex(3));
  expect([watch.times().replicate.count, watch.times().commit.count]).toEqual([0, 0]);
});

test('a replica shows how long its commands took, stage by stage', () => {
  const cluster = new ReplicaCluster(3);
  expect(cluster.nodes[0]!.replica.stages().answer.count).toBe(0);
  cluster.startAll();
  const leader = cluster.electLeader();
  const [follower] = cluster.followers();
  const calls = [cluster.propose(leader, 'x'), cluster.propose(follower!, 'x')];
  cluster.until('both are answered', () => calls.every((call) => call.done));
  const times = leader.replica.stages();
  expect(STAGES.filter((stage) => times[stage].count === 0)).toEqual([]);
  expect(times.commit.p50).toBeLessThanOrEqual(times.answer.max);
  // A follower appends, writes and answers its own clients; it replicates to nobody.
  const theirs = follower!.replica.stages();
  expect(STAGES.filter((stage) => theirs[stage].count === 0)).toEqual(['replicate', 'commit']);
  expect(theirs.answer.count).toBe(1);
});
