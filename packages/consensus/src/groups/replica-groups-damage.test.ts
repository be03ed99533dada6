import { logIndex } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { decodeRecord } from './group-record.ts';
import { GroupsCluster, type GroupsNode } from './testing/groups-cluster.ts';

/** Commits a command in every group, and waits until every node has applied it. */
function commit(cluster: GroupsCluster, add: string): void {
  for (const name of cluster.names)
    cluster.leaderOf(name)!.proposeWith('counter', { add, by: 1 }, undefined, () => {});
  const has = ({ counters }: GroupsNode, name: string) => counters.get(name)?.counts[add] === 1;
  cluster.until(`${add} is applied`, () =>
    cluster.nodes.every((node) => cluster.names.every((name) => has(node, name))),
  );
}

const repairsOf = ({ groups }: GroupsNode, name: string): number => groups.get(name)!.stats().repairs;

function agreed(groups: number): { cluster: GroupsCluster; node: GroupsNode } {
  const cluster = new GroupsCluster(groups);
  cluster.electAll();
  for (let i = 0; i < 6; i++) commit(cluster, `k${i}`);
  cluster.run(500);
  const node = cluster.nodes[1]!;
  return { cluster, node };
}

test('a group whose record is lost from the shared log is repaired from its peers, and the others take part at once', () => {
  const { cluster, node } = agreed(4);
  const records = node.store.entries(node.store.firstIndex, node.store.lastIndex, Infinity);
  const mine = records.filter(({ data }) => decodeRecord(data).group === 'group-2');
  cluster.crash(node);
  node.store.lose({ entries: [mine.at(-3)!.index] });
  cluster.start(node);
  cluster.until('all take part', () =>
    cluster.names.every((name) => (node.groups.get(name)?.status().lastIndex ?? logIndex(0)) > 0),
  );
  expect(cluster.names.map((name) => repairsOf(node, name))).toEqual([0, 0, 1, 0]);
  cluster.electAll();
  commit(cluster, 'after');
  for (const name of cluster.names) expect(node.counters.get(name)!.counts).toMatchObject({ k0: 1, k5: 1 });
});

test('the lost end of a shared log concerns every group that may have written there, and each is repaired', () => {
  const { cluster, node } = agreed(3);
  const { firstIndex, lastIndex } = node.store;
  cluster.crash(node);
  node.store.lose({ endFrom: Math.floor((firstIndex + lastIndex) / 2) });
  cluster.start(node);
  cluster.until('all are repaired', () =>
    cluster.names.every((name) => node.groups.get(name) !== undefined && repairsOf(node, name) === 1),
  );
  cluster.electAll();
  commit(cluster, 'after');
  for (const name of cluster.names) expect(node.counters.get(name)!.counts).toMatchObject({ k0: 1, k5: 1 });
});
