import { type NodeId, nodeId } from '@tutti/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { idealOwners, lastIdealOwners } from './allocation.ts';
import { shardOf } from './shard-id.ts';

const SHARDS = 256;
const names = fc
  .uniqueArray(fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/), { minLength: 1, maxLength: 9 })
  .map((list) => list.map(nodeId));
const alike = (nodes: readonly NodeId[]) => nodes.map((node) => ({ nodeId: node, weight: 1 }));
const place = (nodes: readonly NodeId[]) => idealOwners(SHARDS, alike(nodes));
const countOf = (owners: readonly NodeId[], node: NodeId) => owners.filter((owner) => owner === node).length;
const roomOf = (nodes: readonly NodeId[]) => Math.ceil((SHARDS * 1.25) / nodes.length);

describe('the allocation of shards', () => {
  it('gives every shard to one of the nodes, in whatever order they are named', () => {
    fc.assert(
      fc.property(names, (nodes) => {
        const placed = place(nodes);
        expect(placed).toHaveLength(SHARDS);
        for (const owner of placed) expect(nodes).toContain(owner);
        expect(place([...nodes].reverse())).toEqual(placed);
      }),
      { numRuns: 40 },
    );
  });

  it('moves only the shards of a node that goes, and moves shards only to a node that comes, while no node is full', () => {
    let compared = 0;
    fc.assert(
      fc.property(names, (nodes) => {
        const [gone, ...rest] = nodes;
        if (rest.length === 0) return;
        const before = place(nodes);
        const after = place(rest);
        const isFull = (owners: readonly NodeId[], among: readonly NodeId[]) =>
          among.some((node) => countOf(owners, node) >= roomOf(among));
        if (isFull(before, nodes) || isFull(after, rest)) return;
        compared++;
        after.forEach((owner, shard) => {
          if (before[shard] !== gone) expect(owner).toBe(before[shard]);
        });
      }),
      { numRuns: 60, seed: 4 },
    );
    expect(compared).toBeGreaterThan(10);
  });

  it('never gives a node more than a quarter above its share, whatever its name', () => {
    fc.assert(
      fc.property(
        names,
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 9, maxLength: 9 }),
        (nodes, weights) => {
          const weighted = nodes.map((node, at) => ({ nodeId: node, weight: weights[at]! }));
          const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
          const owners = idealOwners(SHARDS, weighted);
          for (const { nodeId: node, weight } of weighted)
            expect(countOf(owners, node)).toBeLessThanOrEqual(Math.ceil((1.25 * SHARDS * weight) / total));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('gives a node of twice the weight about twice as many', () => {
    const nodes = ['n1', 'n2', 'n3'].map((name) => ({ nodeId: nodeId(name), weight: name === 'n2' ? 2 : 1 }));
    const owners = idealOwners(4_096, nodes);
    const counts = nodes.map((node) => countOf(owners, node.nodeId));
    expect(counts[1]! / counts[0]!).toBeGreaterThan(1.7);
    expect(counts[1]! / counts[2]!).toBeLessThan(2.3);
  });

  it('is even: no node has less than half its share', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 7 }),
        fc.constantFrom('n', 'node-', 'eu-west-'),
        (count, prefix) => {
          const nodes = Array.from({ length: count }, (_, i) => nodeId(`${prefix}${i + 1}`));
          const owners = place(nodes);
          for (const node of nodes) expect(countOf(owners, node)).toBeGreaterThan((SHARDS / count) * 0.5);
        },
      ),
      { numRuns: 18 },
    );
  });

  it('is not computed again for the same nodes, and is for others', () => {
    const allocate = lastIdealOwners();
    const both = alike([nodeId('a'), nodeId('b')]);
    const first = allocate(8, both);
    expect(allocate(8, alike([nodeId('a'), nodeId('b')]))).toBe(first);
    expect(allocate(8, [{ nodeId: nodeId('a'), weight: 5 }, both[1]!])).not.toBe(first);
    expect(allocate(4, both)).toHaveLength(4);
  });

  it('spreads the keys of a kind evenly over the shards', () => {
    const counts = new Array<number>(64).fill(0);
    for (let i = 0; i < 6_400; i++) counts[shardOf('cart', `customer-${i}`, 64)]!++;
    expect(Math.max(...counts)).toBeLessThan(150);
    expect(Math.min(...counts)).toBeGreaterThan(60);
  });
});
