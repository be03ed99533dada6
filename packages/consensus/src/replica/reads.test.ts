import { logIndex, seededRandom, VirtualClock } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { Reads } from './reads.ts';
import { REPLICA_DEFAULTS } from './replica-options.ts';

test('a read is answered only when the index that the leader named has been applied', () => {
  const reads = new Reads(new VirtualClock(), seededRandom(1), REPLICA_DEFAULTS);
  const asked: number[] = [];
  const answers: unknown[] = [];
  for (let i = 0; i < 2; i++) reads.add(undefined, (failure, index) => answers.push(failure ?? index));
  reads.ask((requestId) => asked.push(requestId));
  expect(asked).toHaveLength(1);
  reads.confirmed({ requestId: asked[0]!, index: logIndex(5) });
  reads.applied(logIndex(4));
  expect(answers).toEqual([]);
  reads.applied(logIndex(6));
  expect(answers).toEqual([6, 6]);
  expect(reads.size).toBe(0);
});

test('a read whose question was lost is asked again under another id', () => {
  const reads = new Reads(new VirtualClock(), seededRandom(1), REPLICA_DEFAULTS);
  const asked: number[] = [];
  reads.add(undefined, () => {});
  reads.ask((requestId) => asked.push(requestId));
  reads.lost(asked[0]!);
  reads.ask((requestId) => asked.push(requestId));
  expect(new Set(asked).size).toBe(2);
});
