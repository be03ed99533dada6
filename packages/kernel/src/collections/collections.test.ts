import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AssertionError } from '../assert.ts';
import { BoundedQueue, type OverflowPolicy } from './bounded-queue.ts';
import { Heap } from './heap.ts';
import { lastOf } from './last-of.ts';
import { Ring } from './ring.ts';

type RingStep = ['push' | 'unshift', number] | ['shift' | 'peek' | 'clear'] | ['at', number];

const ringStep: fc.Arbitrary<RingStep> = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(fc.constant('push' as const), fc.integer()) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('unshift' as const), fc.integer()) },
  { weight: 3, arbitrary: fc.constant<RingStep>(['shift']) },
  { weight: 1, arbitrary: fc.constant<RingStep>(['peek']) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('at' as const), fc.integer({ min: -2, max: 40 })) },
  { weight: 1, arbitrary: fc.constant<RingStep>(['clear']) },
);

/** What a ring does, done with an array. */
function stepArray(twin: number[], limit: number, [what, given]: RingStep): unknown {
  switch (what) {
    case 'push':
    case 'unshift':
      if (twin.length === limit) return false;
      twin[what](given);
      return true;
    case 'shift':
      return twin.shift();
    case 'peek':
      return twin[0];
    case 'at':
      return given < 0 ? undefined : twin[given];
    case 'clear':
      twin.length = 0;
  }
  return undefined;
}

function stepRing(ring: Ring<number>, [what, given]: RingStep): unknown {
  if (what === 'push' || what === 'unshift') return ring[what](given);
  return what === 'at' ? ring.at(given) : ring[what]();
}

describe('a ring', () => {
  it('does what an array with a limit does', () => {
    const initial = fc.constantFrom(1, 2, 8, 16);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 33 }),
        initial,
        fc.array(ringStep, { maxLength: 120 }),
        (limit, slots, steps) => {
          const ring = new Ring<number>(limit, slots);
          const twin: number[] = [];
          for (const step of steps) {
            expect(stepRing(ring, step)).toBe(stepArray(twin, limit, step));
            expect([...ring]).toEqual(twin);
            expect(ring.size).toBe(twin.length);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it('holds at least one item, and begins with a power of two', () => {
    expect(() => new Ring(0)).toThrow(AssertionError);
    expect(() => new Ring(8, 3)).toThrow(AssertionError);
  });
});

describe('a heap', () => {
  it('gives back the least first, whatever the order of pushes and pops', () => {
    const step = fc.oneof(fc.integer({ min: -50, max: 50 }), fc.constant('pop' as const));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const heap = new Heap<number>((a, b) => a - b);
        const twin: number[] = [];
        for (const it of steps) {
          if (it === 'pop') expect(heap.pop()).toBe(twin.shift());
          else {
            heap.push(it);
            twin.push(it);
            twin.sort((a, b) => a - b);
          }
          expect(heap.peek()).toBe(twin[0]);
          expect(heap.size).toBe(twin.length);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a bounded queue', () => {
  it('never holds more than its limit and loses nothing without handing it back', () => {
    const policy = fc.constantFrom<OverflowPolicy>('reject', 'drop-oldest', 'drop-newest');
    const offers = fc.array(fc.oneof(fc.integer(), fc.constant('shift' as const)), { maxLength: 80 });
    fc.assert(
      fc.property(policy, fc.integer({ min: 1, max: 10 }), offers, (policy, limit, steps) => {
        const queue = new BoundedQueue<number>(limit, policy);
        const twin: number[] = [];
        for (const step of steps) {
          if (step === 'shift') expect(queue.shift()).toBe(twin.shift());
          else expect(queue.offer(step)).toEqual(offerTwin(twin, limit, policy, step));
          expect(queue.peek()).toBe(twin[0]);
          expect(queue.size).toBe(twin.length);
        }
        queue.clear();
        expect(queue.size).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  function offerTwin(twin: number[], limit: number, policy: OverflowPolicy, item: number) {
    if (twin.length < limit) {
      twin.push(item);
      return { accepted: true };
    }
    if (policy === 'reject') return { accepted: false };
    if (policy === 'drop-newest') return { accepted: false, dropped: item };
    const dropped = twin.shift();
    twin.push(item);
    return { accepted: true, dropped };
  }
});

describe('lastOf', () => {
  it('finds what a walk from the end finds', () => {
    const sorted = fc.array(fc.integer({ min: 0, max: 20 })).map((items) => items.sort((a, b) => a - b));
    fc.assert(
      fc.property(sorted, fc.integer({ min: -1, max: 21 }), (items, most) => {
        const objects = items.map((value) => ({ value }));
        const holds = ({ value }: { readonly value: number }) => value <= most;
        expect(lastOf(objects, holds)).toBe(objects.findLast(holds));
      }),
    );
  });
});
