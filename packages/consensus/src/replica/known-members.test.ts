import { nodeId } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { KnownMembers } from './known-members.ts';

const a = nodeId('a');
const b = nodeId('b');
const c = nodeId('c');
const d = nodeId('d');

test('everybody who was ever named is asked, on both sides of a joint configuration, and nobody is forgotten', () => {
  const members = new KnownMembers(a, { voters: [a, b], learners: [c] });
  expect([members.otherVoters, members.others]).toEqual([[b], [b, c]]);
  members.learn({ voters: [a, d], outgoing: [a, b], learners: [] });
  members.learn({ voters: [a], learners: [] });
  expect([members.otherVoters, members.others]).toEqual([
    [b, d],
    [b, c, d],
  ]);
});

test('whoever votes alone knows it, and who knows of no voter does not take itself for that', () => {
  expect(new KnownMembers(a, { voters: [a], learners: [b] }).isOnlyVoter).toBe(true);
  expect(new KnownMembers(a, { voters: [a, b], learners: [] }).isOnlyVoter).toBe(false);
  expect(new KnownMembers(a, { voters: [], learners: [] }).isOnlyVoter).toBe(false);
});
