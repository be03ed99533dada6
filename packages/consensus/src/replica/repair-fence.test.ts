import { logIndex, nodeId, term } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { RepairReply } from '../raft/repair.ts';
import { RepairFence } from './repair-fence.ts';

const a = nodeId('a');
const b = nodeId('b');

const answer = (from: typeof a, inTerm: number, last: number, commit: number, leads = true): RepairReply => ({
  type: 'repairReply',
  from,
  to: nodeId('x'),
  id: 1,
  term: term(inTerm),
  leads,
  outcome: 'unknown',
  prevIndex: logIndex(0),
  entries: [],
  checksum: 0,
  hintIndex: logIndex(0),
  lastIndex: logIndex(last),
  chunk: undefined,
  commitIndex: logIndex(commit),
  membership: undefined,
});

test('a fence is set by an entry beyond the first answer that the same leader says to be committed', () => {
  const fence = new RepairFence();
  expect(fence.take(answer(a, 3, 7, 7))).toBe(true);
  expect([fence.askedOf(a), fence.askedOf(b), fence.floor]).toEqual([8, 0, undefined]);
  // It has appended the entry, and does not know it to be committed.
  expect(fence.take(answer(a, 3, 8, 7))).toBe(false);
  expect(fence.floor).toBeUndefined();
  fence.take(answer(a, 3, 8, 8));
  expect([fence.floor, fence.askedOf(a)]).toEqual([3, 0]);
});

test('who follows, another leader, and the same in another term count for nothing', () => {
  const fence = new RepairFence();
  fence.take(answer(a, 3, 7, 7));
  fence.take(answer(b, 3, 9, 9, false));
  fence.take(answer(b, 2, 9, 9));
  expect([fence.floor, fence.askedOf(a)]).toEqual([undefined, 8]);
  // What it has committed by then is not younger than the question to a leader of this term.
  expect(fence.take(answer(a, 5, 9, 9))).toBe(true);
  expect([fence.floor, fence.askedOf(a)]).toEqual([undefined, 10]);
  fence.take(answer(a, 5, 10, 10));
  expect(fence.floor).toBe(5);
});
