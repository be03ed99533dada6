import { incarnation, logIndex, nodeId, seededRandom, term, VirtualClock } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { CHANGE_ID_LENGTH_MAX } from '../raft/membership-codec.ts';
import { idsOf, lifeOf } from './life.ts';

const a = { nodeId: nodeId('a'), incarnation: incarnation(1) };
const stored = (lastIndex: number) => ({
  hardState: { term: term(1), votedFor: undefined },
  snapshot: undefined,
  firstIndex: logIndex(1),
  lastIndex: logIndex(lastIndex),
});

test('a life is another a millisecond later, and where the log has grown, and is a whole number', () => {
  const clock = new VirtualClock();
  clock.advance(0.5);
  const life = lifeOf(clock, stored(7));
  expect(Number.isInteger(life)).toBe(true);
  expect(lifeOf(clock, stored(8))).not.toBe(life);
  clock.advance(1);
  expect(lifeOf(clock, stored(7))).not.toBe(life);
});

test('ids differ within a life, between lives with one seed, and between replicas that begin at once', () => {
  const random = seededRandom(1);
  const makers = [
    idsOf({ ...a, random: seededRandom(1) }, 5),
    idsOf({ ...a, random: seededRandom(1) }, 6),
    idsOf({ ...a, random: random.fork('group') }, 5),
    idsOf({ ...a, random: random.fork('group') }, 5),
  ];
  const ids = [1, 2, 3].flatMap(() => makers.map((newId) => newId()));
  expect(new Set(ids).size).toBe(12);
});

test('the longest id is not too long for a change of the membership', () => {
  const random = { ...seededRandom(1), fork: () => ({ ...seededRandom(1), uint32: () => 2 ** 32 - 1 }) };
  const node = { nodeId: nodeId('n'.repeat(64)), incarnation: incarnation(Number.MAX_SAFE_INTEGER), random };
  const id = idsOf(node, Number.MAX_SAFE_INTEGER)();
  expect(id.length + String(Number.MAX_SAFE_INTEGER).length).toBeLessThanOrEqual(CHANGE_ID_LENGTH_MAX);
});
