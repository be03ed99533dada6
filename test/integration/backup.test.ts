import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PeerAddress } from '@tutti/kernel';
import { backUp, createNode, type ReplicatedModule, restoreCluster, type TuttiNode } from 'tutti';
import { afterEach, beforeEach, expect, it } from 'vitest';

const NAMES = ['n1', 'n2', 'n3'];

/** Adds up, and remembers what it came to after each entry. */
class Sum implements ReplicatedModule {
  readonly name = 'sum';
  total = 0;
  readonly after = new Map<number, number>();

  apply(by: unknown, { index }: { readonly index: number }): number {
    this.total += by as number;
    this.after.set(index, this.total);
    return this.total;
  }

  snapshot(): Iterable<number> {
    return [this.total];
  }

  restore([total]: Iterable<unknown>): void {
    this.total = Number(total);
  }
}

let folder: string;
let running: TuttiNode[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-backup-'));
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((node) => node.stop({ handOver: false })));
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** Three nodes of a directory that know of one another. */
async function startIn(directory: string): Promise<{ nodes: TuttiNode[]; sums: Sum[] }> {
  const meeting = new Map(NAMES.map((name) => [name, Promise.withResolvers<PeerAddress>()]));
  const sums = NAMES.map(() => new Sum());
  const nodes = NAMES.map((name, at) => {
    const node = createNode({
      name,
      dataDir: join(directory, name),
      listen: { port: 0 },
      voters: NAMES,
      orchestration: false,
      peers: async (self) => {
        meeting.get(name)!.resolve(self);
        const all = await Promise.all([...meeting.values()].map(({ promise }) => promise));
        return all.filter(({ nodeId }) => nodeId !== name);
      },
    });
    node.replicated('sum', sums[at]!);
    return node;
  });
  running.push(...nodes);
  await Promise.all(nodes.map((node) => node.start()));
  return { nodes, sums };
}

it('a backup taken under load is restored to the very state at its entry, on every new node', async () => {
  const { nodes, sums } = await startIn(join(folder, 'old'));
  const propose = (at: number) => nodes[at % 3]!.parts.consensus.propose('sum', 1);
  for (let i = 0; i < 20; i++) await propose(i);
  const acknowledged = sums[0]!.total;
  const over = new AbortController();
  const load = [0, 1, 2].map(async (at) => {
    for (let i = 0; i < 2_000 && !over.signal.aborted; i++) await propose(at);
  });
  const file = join(folder, 'backup');
  const { snapshot } = await backUp(nodes[1]!, file);
  over.abort();
  await Promise.all([...load, propose(1)]);
  await nodes[1]!.parts.consensus.readBarrier();
  const before = [...sums[1]!.after].filter(([index]) => index <= snapshot.index);
  const expected = before.at(-1)![1];
  expect(expected).toBeGreaterThanOrEqual(acknowledged);
  expect(sums[1]!.total).toBeGreaterThan(expected);
  const old = nodes[0]!;
  await Promise.all(running.splice(0).map((node) => node.stop({ handOver: false })));

  const directory = join(folder, 'new');
  const options = { file, directory, nodes: NAMES, cluster: 'tutti' };
  const { lineage } = await restoreCluster(options);
  const next = await startIn(directory);
  for (const { total } of next.sums) expect(total).toBe(expected);
  expect(next.nodes.map((node) => node.lineage)).toEqual(NAMES.map(() => lineage));
  for (const node of next.nodes) expect(node.incarnation).toBeGreaterThan(old.incarnation);
  await next.nodes[0]!.parts.consensus.propose('sum', 1_000);
  for (const node of next.nodes) await node.parts.consensus.readBarrier();
  expect(next.sums.map(({ total }) => total)).toEqual(NAMES.map(() => expected + 1_000));

  // Neither an old node nor one of another restoration takes itself for one of these.
  const other = join(folder, 'other');
  expect((await restoreCluster({ ...options, directory: other })).lineage).not.toBe(lineage);
  for (const dataDir of [join(folder, 'old', 'n1'), join(other, 'n1')])
    expect(() => createNode({ name: 'n1', dataDir, lineage })).toThrow(
      expect.objectContaining({ code: 'TUTTI_STORE_WRONG_CLUSTER' }),
    );
}, 120_000);
