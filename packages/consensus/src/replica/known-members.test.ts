import { nodeId } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { KnownMembers } from './known-members.ts';

const [a, b, c, d, e] = ['a', 'b', 'c', 'd', 'e'].map(nodeId) as [
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>,
];

test('a majority of any configuration that is known counts, on each side of a joint one, this node included', () => {
  const members = new KnownMembers(a, { voters: [a, b, c], learners: [d] });
  expect(members.haveMajority([a])).toBe(false);
  expect(members.haveMajority([a, d])).toBe(false);
  expect(members.haveMajority([a, b])).toBe(true);
  members.learn({ voters: [b, c, d, e], outgoing: [a, b, c], learners: [] });
  expect(members.haveMajority([d, e])).toBe(false);
  expect(members.haveMajority([c, d, e])).toBe(true);
  // What was known once is not forgotten.
  members.learn({ voters: [d, e], learners: [] });
  expect(members.haveMajority([a, b])).toBe(true);
});

test('nothing is a majority where nobody is known to vote', () => {
  expect(new KnownMembers(a, { voters: [], learners: [] }).haveMajority([a])).toBe(false);
});
