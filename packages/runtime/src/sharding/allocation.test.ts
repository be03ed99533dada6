import { nodeId } from '@tutti/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { idealOwner } from './allocation.ts';
import { shardOf } from './shard-id.ts';

const SHARDS = 256;
const names = fc
  .uniqueArray(fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/), { minLength: 1, maxLength: 9 })
  .map((list) => list.map(nodeId));
const place = (nodes: Parameters<typeof idealOwner>[1]) =>
  Array.from({ length: SHARDS }, (_, shard) => idealOwner(shard, nodes));

describe('the allocation of shards', () => {
  it('gives every shard to one of the nodes, in whatever order they are named', () => {
    fc.assert(
      fc.property(names, (nodes) => {
        const placed = place(nodes);
        for (const owner of placed) expect(nodes).toContain(owner);
        expect(place([...nodes].reverse())).toEqual(placed);
      }),
      { numRuns: 40 },
    );
  });

  it('moves only the shards of a node that goes, and moves shards only to a node that comes', () => {
    fc.assert(
      fc.property(names, (nodes) => {
        const [gone, ...rest] = nodes;
        const before = place(nodes);
        place(rest).forEach((owner, shard) => {
          if (rest.length > 0 && before[shard] !== gone) expect(owner).toBe(before[shard]);
        });
      }),
      { numRuns: 40 },
    );
  });

  it('is even: no node has more than half as much again as its share', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 7 }),
        fc.constantFrom('n', 'node-', 'eu-west-'),
        (count, prefix) => {
          const nodes = Array.from({ length: count }, (_, i) => nodeId(`${prefix}${i + 1}`));
          const counts = new Map<unknown, number>();
          for (const owner of place(nodes)) counts.set(owner, (counts.get(owner) ?? 0) + 1);
          for (const node of nodes) {
            expect(counts.get(node)).toBeLessThan((SHARDS / count) * 1.5);
            expect(counts.get(node)).toBeGreaterThan((SHARDS / count) * 0.5);
          }
        },
      ),
      { numRuns: 18 },
    );
  });

  it('spreads the keys of a kind evenly over the shards', () => {
    const counts = new Array<number>(64).fill(0);
    for (let i = 0; i < 6_400; i++) counts[shardOf('cart', `customer-${i}`, 64)]!++;
    expect(Math.max(...counts)).toBeLessThan(150);
    expect(Math.min(...counts)).toBeGreaterThan(60);
  });
});
