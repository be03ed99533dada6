import { CHANNEL, isTuttiError, nodeId, runVirtual } from '@tutti/kernel';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { MembershipChange } from '../raft/membership-change.ts';
import { CounterModule } from '../replica/testing/replica-cluster.ts';
import type { LogStore } from '../storage/log-store.ts';
import { GroupLinks } from './group-transport.ts';
import { GroupsCluster } from './testing/groups-cluster.ts';

/** Counts messages between nodes, and what they carry. */
function counted(cluster: GroupsCluster): { messages: number; items: number } {
  const count = { messages: 0, items: 0 };
  cluster.network.drops = (_from, _to, message) => {
    count.messages++;
    count.items += (message as unknown[]).length / 2;
    return false;
  };
  return count;
}

function add(cluster: GroupsCluster, node: number, group: string, what = 'x'): { result: unknown } {
  const call: { result: unknown } = { result: undefined };
  const replica = cluster.nodes[node]!.groups.get(group)!;
  replica.proposeWith('counter', { add: what, by: 1 }, undefined, (failure, result) => {
    call.result = failure ?? result;
  });
  return call;
}

test('the heartbeats of all groups to a node are one message', () => {
  const cluster = new GroupsCluster(40, { quietAfterMs: Infinity });
  cluster.electAll();
  cluster.run(500);
  const count = counted(cluster);
  cluster.run(1_000);
  expect(cluster.isQuiet).toBe(false);
  // 20 ticks, six ways, heartbeats and their answers; and each group has two followers.
  expect(count.messages).toBeLessThanOrEqual(20 * 6 * 2 + 12);
  expect(count.items).toBeGreaterThanOrEqual(19 * 40 * 2 * 2);
});

test('a store hears once in every tick that there is time to note what was flushed, also when all groups are quiet', () => {
  const cluster = new GroupsCluster(10);
  let settles = 0;
  const store: LogStore = cluster.nodes[0]!.store;
  store.settle = () => void settles++;
  cluster.electAll();
  cluster.until('all are quiet', () => cluster.isQuiet);
  settles = 0;
  cluster.run(1_000);
  expect(settles).toBe(1_000 / 50);
});

test('a store that is written to at every moment is read again at the lowest rate', () => {
  const pace = { scrubEveryMs: 0, scrubBytesPerSecond: 2 ** 20, scrubBytesPerSecondMin: 2 ** 16 };
  const cluster = new GroupsCluster(2, { config: pace });
  const store: LogStore = cluster.nodes[0]!.store;
  store.scrub = (bytesMax, besideWrites, done) => {
    const bytes = besideWrites ? bytesMax : 0;
    cluster.clock.nextTurn(() => done(undefined, { bytes, passEnded: false, damage: undefined }));
  };
  cluster.run(1_000);
  const { bytes } = cluster.nodes[0]!.groups.scrubbed();
  cluster.run(10_000);
  expect(cluster.nodes[0]!.groups.scrubbed().bytes - bytes).toBe(10 * 2 ** 16);
});

test('what the groups write in a turn is one write', () => {
  const cluster = new GroupsCluster(40);
  cluster.electAll();
  cluster.run(100);
  const { store } = cluster.nodes[0]!;
  let writes = 0;
  const append = store.append.bind(store);
  store.append = (write, done) => {
    writes++;
    append(write, done);
  };
  const calls = cluster.names.map((group) => add(cluster, 0, group));
  cluster.until('all are done', () => calls.every(({ result }) => result === 1));
  expect(writes).toBeLessThan(10);
});

test('when the disk of every node is full, all groups refuse commands by code, and go on when there is space', () => {
  const cluster = new GroupsCluster(10);
  cluster.electAll();
  let looks = 0;
  let isFull = true;
  for (const { store } of cluster.nodes) store.checkRoom = () => ++looks > 0 && !isFull;
  cluster.run(100);
  // One look at each tick for all groups of a node.
  expect(looks).toBeLessThanOrEqual(3 * 3);
  for (const group of cluster.names) {
    const { result } = add(cluster, 0, group);
    expect(isTuttiError(result, 'TUTTI_STORE_FULL'), group).toBe(true);
  }
  isFull = false;
  cluster.run(10_000);
  const calls = cluster.names.map((group) => add(cluster, 0, group));
  cluster.until('all are done', () => calls.every(({ result }) => result === 1));
});

test('idle groups go quiet: only the nodes speak, and any call wakes one group alone', () => {
  const cluster = new GroupsCluster(40);
  cluster.electAll();
  cluster.until('all are quiet', () => cluster.isQuiet);
  const count = counted(cluster);
  cluster.run(10_000);
  // A sign of life from each node to each other at every tick; and some groups are looked after.
  expect(count.messages).toBeLessThan(1.5 * 200 * 6);
  expect(count.items).toBeLessThan(40 * 2 * 200 * 0.1);
  for (const node of [0, 1, 2]) {
    cluster.until('all are quiet', () => cluster.isQuiet);
    const call = add(cluster, node, 'group-7');
    cluster.until('it is done', () => call.result !== undefined);
    expect(call.result).toBe(node + 1);
    const quiet = cluster.nodes.map(({ groups }) => groups.counts().quiet);
    expect(Math.min(...quiet)).toBeGreaterThanOrEqual(38);
  }
  cluster.until('all are quiet again', () => cluster.isQuiet);
});

test('groups that sleep notice that the node of their leader died, and sleep again without it', () => {
  const cluster = new GroupsCluster(30);
  cluster.electAll();
  cluster.until('all are quiet', () => cluster.isQuiet);
  const died = cluster.nodes[0]!;
  const led = cluster.names.filter((group) => cluster.leaderOf(group)?.nodeId === died.id);
  expect(led.length).toBeGreaterThan(0);
  cluster.crash(died);
  cluster.run(2_000);
  for (const group of led) expect(cluster.leaderOf(group)?.nodeId).not.toBe(died.id);
  cluster.until('the two are quiet', () => cluster.isQuiet);
  const calls = led.map((group) => add(cluster, 1, group));
  cluster.until('they serve', () => calls.every(({ result }) => result === 1));
  cluster.start(died);
  cluster.until('it has what it missed', () =>
    led.every((group) => died.counters.get(group)?.history.length === 1),
  );
  cluster.until('all three are quiet', () => cluster.isQuiet);
});

test('a group whose leader stopped while its node went on finds another within the bound', () => {
  const cluster = new GroupsCluster(5, { quietMaxMs: 5_000 });
  cluster.electAll();
  cluster.until('all are quiet', () => cluster.isQuiet);
  const leader = cluster.leaderOf('group-3')!;
  leader.crash();
  cluster.run(7_000);
  const other = cluster.leaderOf('group-3');
  expect(other?.nodeId).toBeDefined();
  expect(other?.nodeId).not.toBe(leader.nodeId);
});

test('groups that are stopped hand on together: whose heirs are silent, all wait for one election timeout', async () => {
  const cluster = new GroupsCluster(30);
  cluster.electAll();
  cluster.until('all are quiet', () => cluster.isQuiet);
  const [node] = cluster.nodes;
  const led = cluster.names.filter((group) => cluster.leaderOf(group)?.nodeId === node!.id);
  expect(led.length).toBeGreaterThan(4);
  // Signs of life arrive, and no word to take over.
  cluster.network.drops = (_from, _to, message) => (message as unknown[]).length > 0;
  const before = cluster.clock.now();
  let isStopped = false;
  void node!.groups.stop().then(() => (isStopped = true));
  await runVirtual(cluster.clock, () => isStopped, 10_000);
  expect(isStopped).toBe(true);
  expect(cluster.clock.now() - before).toBeLessThan(2 * 300);
});

test.each([
  ['when it is closed', (store: LogStore) => void (store.close = () => {})],
  ['with a write under way', (store: LogStore) => void (store.append = store.close = () => {})],
])('groups on a disk that hangs %s are stopped as soon as a replica alone', async (_, hang) => {
  const cluster = new GroupsCluster(5, { config: { flushTimeoutMs: 2_000 } });
  cluster.electAll();
  cluster.until('all are quiet', () => cluster.isQuiet);
  const [node] = cluster.nodes;
  hang(node!.store);
  for (const group of cluster.names) add(cluster, 0, group);
  cluster.run(100);
  const before = cluster.clock.now();
  let outcome: unknown;
  void node!.groups.stop().catch((thrown: unknown) => (outcome = thrown));
  await runVirtual(cluster.clock, () => outcome !== undefined, 10_000);
  expect(isTuttiError(outcome, 'TUTTI_STORE_HUNG')).toBe(true);
  // Beside the disk, leaders wait for their heirs.
  expect(cluster.clock.now() - before).toBeLessThan(2_000 + 2 * 300);
});

test('a group is told that there is no link, in either lane', () => {
  const cluster = new GroupsCluster(1);
  cluster.electAll();
  const [one, other] = cluster.nodes.map(({ id }) => id);
  const links = new GroupLinks(cluster.network.attach(nodeId('n4')), cluster.clock, () => {});
  const end = links.attach('group-0');
  const outcomes = () => [
    end.send(one!, CHANNEL.consensus, 'word', 'control'),
    end.send(one!, CHANNEL.consensus, 'word', 'bulk'),
  ];
  expect(outcomes()).toEqual(['queued', 'queued']);
  cluster.network.cut(nodeId('n4'), one!);
  cluster.run(1);
  expect(outcomes()).toEqual(['no-link', 'no-link']);
  expect(end.send(other!, CHANNEL.consensus, 'word', 'control')).toBe('queued');
});

test('a name that is taken or is none is refused', () => {
  const cluster = new GroupsCluster(2);
  cluster.electAll();
  const { groups } = cluster.nodes[0]!;
  const options = { voters: [nodeId('n1')], modules: [] };
  const code = (group: string): string => {
    try {
      groups.add(group, options);
    } catch (thrown) {
      if (isTuttiError(thrown)) return thrown.code;
    }
    return 'none';
  };
  expect(code('group-1')).toBe('TUTTI_GROUP_EXISTS');
  expect(code('../up')).toBe('TUTTI_ID_INVALID');
});

type Fault =
  | { readonly kind: 'add'; readonly node: number; readonly group: number }
  | { readonly kind: 'crash'; readonly node: number }
  | { readonly kind: 'isolate'; readonly node: number }
  | { readonly kind: 'heal' }
  | { readonly kind: 'run'; readonly ms: number };

const node = fc.nat(2);
const fault: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('add' as const), node, group: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), node }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('isolate' as const), node }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('heal' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('run' as const), ms: fc.constantFrom(1, 20, 300, 2_500) }),
  },
);

test('groups on one log each keep what they acknowledged, once and in one order, whatever nodes crash or are cut off', () => {
  fc.assert(
    fc.property(
      fc.array(fault, { minLength: 10, maxLength: 60, size: 'max' }),
      fc.nat(1_000),
      (faults, seed) => {
        const config = { snapshotEntries: 10, trailingEntries: 2, noLeaderMs: 60_000, timeoutMs: 60_000 };
        const cluster = new GroupsCluster(4, { config, quietAfterMs: 300, logBytes: 1_500 }, seed);
        const acknowledged = new Map<string, string[]>(cluster.names.map((name) => [name, []]));
        let serial = 0;
        for (const one of faults) {
          if (one.kind === 'run') cluster.run(one.ms);
          else if (one.kind === 'heal') {
            cluster.network.heal();
            for (const dead of cluster.nodes) if (!dead.up) cluster.start(dead);
          } else if (one.kind === 'isolate') cluster.network.isolate(cluster.nodes[one.node]!.id);
          else if (one.kind === 'crash') {
            if (cluster.nodes[one.node]!.up) cluster.crash(cluster.nodes[one.node]!);
          } else {
            const group = `group-${one.group}`;
            const what = `s${serial++}`;
            const replica = cluster.nodes[one.node]!.up && cluster.nodes[one.node]!.groups.get(group);
            if (replica)
              replica.proposeWith('counter', { add: what, by: 1 }, undefined, (failure) => {
                if (!failure) acknowledged.get(group)!.push(what);
              });
          }
        }
        cluster.network.heal();
        for (const dead of cluster.nodes) if (!dead.up) cluster.start(dead);
        cluster.run(5_000);
        const last = cluster.names.map((group) => add(cluster, 0, group, 'last'));
        cluster.until('every group serves', () => last.every(({ result }) => result === 1));
        cluster.until('all are quiet', () => cluster.isQuiet);
        for (const [group, known] of acknowledged) {
          const histories = cluster.nodes.map(({ counters }) => counters.get(group)!.history);
          expect(histories[1]).toEqual(histories[0]);
          expect(histories[2]).toEqual(histories[0]);
          expect(new Set(histories[0]).size).toBe(histories[0]!.length);
          for (const what of known) expect(histories[0]).toContain(what);
        }
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);

test('a group does not sleep through a change of its members that waits for a dead one', () => {
  const cluster = new GroupsCluster(1);
  cluster.electAll();
  cluster.until('it is quiet', () => cluster.isQuiet);
  const voters = ['n1', 'n2', 'n3', 'n4'].map((name) => ({ node: nodeId(name) }));
  const callers = [
    cluster.leaderOf('group-0')!,
    cluster.replicas('group-0').find((r) => r !== cluster.leaderOf('group-0'))!,
  ];
  for (const caller of callers) {
    let outcome: unknown;
    caller.changeMembershipWith({ type: 'set', voters, learners: [] }, { timeoutMs: 3_000 }, (failure) => {
      outcome = isTuttiError(failure) ? failure.code : 'done';
    });
    cluster.run(4_000);
    expect(outcome).toBe('TUTTI_MEMBER_BEHIND');
    // The next one is begun: what waited at the leader was dropped when its time was up.
    cluster.until('it is quiet again', () => cluster.isQuiet);
  }
});

test('the first change of the members is carried out at a group that was removed from its node and added again', async () => {
  const cluster = new GroupsCluster(1);
  cluster.electAll();
  const leader = cluster.leaderOf('group-0')!;
  const { groups } = cluster.nodes.find((node) => node.groups.get('group-0') !== leader)!;
  const change = (what: MembershipChange): void => {
    let outcome: unknown;
    groups.get('group-0')!.changeMembershipWith(what, undefined, (failure) => (outcome = failure ?? 'done'));
    cluster.until('it has ended', () => outcome !== undefined);
    expect(outcome).toBe('done');
  };
  change({ type: 'addLearner', member: { node: nodeId('n4') }, promote: false });
  expect(leader.status().membership.learners).toEqual(['n4']);
  let isRemoved = false;
  void groups.remove('group-0').then(() => (isRemoved = true));
  await runVirtual(cluster.clock, () => isRemoved, 10_000);
  const voters = ['n1', 'n2', 'n3'].map(nodeId);
  groups.add('group-0', { voters, modules: [new CounterModule()] }).startWith(() => {});
  cluster.run(1_000);
  change({ type: 'remove', node: nodeId('n4') });
  expect(leader.status().membership.learners).toEqual([]);
});

test('a quiet leader whose word to its successor is lost gives the transfer up, and serves commands again', () => {
  const cluster = new GroupsCluster(1);
  cluster.electAll();
  cluster.until('it is quiet', () => cluster.isQuiet);
  const leader = cluster.leaderOf('group-0')!;
  const target = cluster.replicas('group-0').find((replica) => replica !== leader)!;
  cluster.network.drops = (_from, to, message) => to === target.nodeId && (message as unknown[]).length > 0;
  let outcome: unknown;
  leader.transferLeadershipWith(target.nodeId, (failure) => {
    outcome = isTuttiError(failure) ? failure.code : 'done';
  });
  cluster.run(1_000);
  expect(outcome).toBe('TUTTI_TRANSFER_TIMEOUT');
});
