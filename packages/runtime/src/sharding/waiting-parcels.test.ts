import { VirtualClock } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import type { Parcel } from '../cluster/parcel.ts';
import { WaitingParcels } from './waiting-parcels.ts';

const parcel = (key: string, number: number, deadline = Number.POSITIVE_INFINITY): Parcel => ({
  address: `entity:k/${key}`,
  event: { type: `${key}${number}` },
  target: undefined,
  deadline,
  hops: 0,
  epoch: 0,
});

function world(limit = 100) {
  const clock = new VirtualClock(0);
  const refused: string[] = [];
  const waiting = new WaitingParcels({
    clock,
    limit,
    elsewhere: () => 0,
    waitMs: 1_000,
    refuse: ({ event }, { code }) => refused.push(`${event.type} ${code}`),
  });
  const drain = (shard: number, isTaken: (type: string) => boolean): readonly string[] => {
    const taken: string[] = [];
    waiting.drain(shard, ({ event }) => {
      if (!isTaken(event.type)) return false;
      taken.push(event.type);
      return true;
    });
    return taken;
  };
  return { clock, waiting, refused, drain };
}

describe('parcels that wait', () => {
  it('are handed on in order for each entity, and one entity that takes nothing holds up no other', () => {
    const { waiting, drain } = world();
    for (const number of [1, 2]) for (const key of ['a', 'b', 'c']) waiting.add(3, parcel(key, number));
    expect(drain(3, (type) => !type.startsWith('a') && type !== 'b2')).toEqual(['b1', 'c1', 'c2']);
    expect(waiting.has(3, 'entity:k/a')).toBe(true);
    expect(waiting.has(3, 'entity:k/c')).toBe(false);
    expect(waiting.size).toBe(3);
    expect(drain(3, () => true)).toEqual(['a1', 'a2', 'b2']);
    expect(waiting.has(3)).toBe(false);
    expect(waiting.size).toBe(0);
  });

  it('keep their order when more come while they are handed on', () => {
    const { waiting } = world();
    waiting.add(1, parcel('a', 1));
    waiting.add(1, parcel('a', 2));
    const taken: string[] = [];
    waiting.drain(1, ({ address, event }) => {
      if (taken.length === 0) {
        expect(waiting.has(1, address), 'what comes now must get behind it').toBe(true);
        waiting.add(1, parcel('a', 3));
        waiting.drain(1, () => expect.unreachable());
      }
      taken.push(event.type);
      return true;
    });
    expect(taken).toEqual(['a1', 'a2', 'a3']);
    expect(waiting.size).toBe(0);
  });

  it('get behind those that come back, which are older', () => {
    const { waiting, drain } = world(4);
    waiting.putBack(1, [parcel('a', 1)]);
    expect(drain(1, () => true)).toEqual(['a1']);
    waiting.add(1, parcel('a', 3));
    waiting.add(1, parcel('b', 1));
    waiting.putBack(1, [parcel('a', 1), parcel('a', 2)]);
    waiting.putBack(1, []);
    expect(waiting.size).toBe(4);
    expect(drain(1, () => true)).toEqual(['a1', 'a2', 'a3', 'b1']);
    expect(waiting.size).toBe(0);
  });

  it('are refused when there are too many, when they have waited too long, and when the node stops', () => {
    const { clock, waiting, refused } = world(3);
    waiting.add(1, parcel('a', 1));
    waiting.add(1, parcel('a', 2, 200));
    waiting.add(2, parcel('b', 1));
    waiting.add(2, parcel('b', 2));
    expect(refused).toEqual(['b2 TUTTI_OVERLOADED']);
    clock.advance(300);
    expect(refused.slice(1)).toEqual(['a2 TUTTI_NODE_UNREACHABLE']);
    expect(waiting.size).toBe(2);
    clock.advance(1_000);
    expect(refused.slice(2).sort()).toEqual(['a1 TUTTI_NODE_UNREACHABLE', 'b1 TUTTI_NODE_UNREACHABLE']);
    expect(waiting.size).toBe(0);
    waiting.add(5, parcel('c', 1));
    waiting.clear();
    expect(refused.at(-1)).toBe('c1 TUTTI_CLOSED');
  });
});
