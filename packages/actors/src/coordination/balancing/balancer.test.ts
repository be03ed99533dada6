import { incarnation, nodeId, seededRandom } from '@tutti/kernel';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Balancer, leastLoaded, powerOfTwo, roundRobin, type Slot } from './balancer.ts';

const slot = (node: string, busy: number, { limit = 5, nodeBusy = busy } = {}): Slot => ({
  node: nodeId(node),
  incarnation: incarnation(1),
  busy,
  limit,
  nodeBusy,
});

const choose = (balancer: Balancer, ...slots: Slot[]) => balancer(slots, seededRandom(1)).slot.node;

test('the least loaded is the one with the least part of its limit in use', () => {
  expect(choose(leastLoaded, slot('a', 2, { limit: 4 }), slot('b', 3, { limit: 9 }), slot('c', 4))).toBe('b');
});

test('between equals the node that is less busy in all is taken', () => {
  expect(choose(leastLoaded, slot('a', 1, { nodeBusy: 6 }), slot('b', 1, { nodeBusy: 4 }))).toBe('b');
});

test('between full equals chance decides, and every one gets its share', () => {
  const random = seededRandom(7);
  const slots = ['a', 'b', 'c'].map((node) => slot(node, 0));
  const counts = new Map<string, number>();
  for (let i = 0; i < 600; i++) {
    const { node } = leastLoaded(slots, random).slot;
    counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  for (const node of ['a', 'b', 'c']) expect(counts.get(node)).toBeGreaterThan(150);
});

test('a choice says why it was made', () => {
  expect(leastLoaded([slot('a', 2), slot('b', 3)], seededRandom(1)).why).toBe(
    'least loaded: 2 of 5 slots on a in use, the least of 2 nodes with room',
  );
});

test('round robin takes the nodes in turn, also when one is gone', () => {
  const balancer = roundRobin();
  const all = [slot('c', 0), slot('a', 4), slot('b', 0)];
  expect([1, 2, 3, 4].map(() => choose(balancer, ...all))).toEqual(['a', 'b', 'c', 'a']);
  expect(choose(balancer, slot('a', 0), slot('c', 0))).toBe('c');
});

test('the power of two never takes the most loaded of three', () => {
  const random = seededRandom(3);
  const slots = [slot('a', 1), slot('b', 4), slot('c', 2)];
  for (let i = 0; i < 200; i++) expect(powerOfTwo(slots, random).slot.node).not.toBe('b');
});

test('every balancer chooses one of the slots it was offered', () => {
  const node = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const slots = fc.uniqueArray(fc.record({ node, busy: fc.nat(4) }), {
    minLength: 1,
    selector: (item) => item.node,
  });
  fc.assert(
    fc.property(slots, fc.nat(), (items, seed) => {
      const offered = items.map((item) => slot(item.node, item.busy));
      for (const balancer of [leastLoaded, roundRobin(), powerOfTwo])
        expect(offered).toContain(balancer(offered, seededRandom(seed)).slot);
    }),
    { numRuns: 100 },
  );
});
