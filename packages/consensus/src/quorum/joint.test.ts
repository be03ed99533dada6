import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jointReached, jointVerdict } from './joint.ts';

/** Two sets of one to seven voters out of the same ten, and how far each of the ten is. */
const voters = fc.uniqueArray(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 7 });
const halves = fc.tuple(voters, voters);
const positions = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 10, maxLength: 10 });

/** The dumb twin: more than half of the set, by counting heads. */
const moreThanHalf = (set: readonly number[], test: (voter: number) => boolean): boolean => {
  let heads = 0;
  for (const voter of set) if (test(voter)) heads++;
  return heads > set.length - heads;
};

test('a joint configuration has reached what more than half of each side has', () => {
  fc.assert(
    fc.property(halves, positions, (sets, at) => {
      let best = 0;
      for (let value = 0; value <= 9; value++)
        if (sets.every((set) => moreThanHalf(set, (voter) => at[voter]! >= value))) best = value;
      expect(jointReached(sets, (voter) => at[voter]!)).toBe(best);
    }),
    { numRuns: 2_000 },
  );
});

test('a joint election is won by more than half of each side, and lost when that is out of reach on one', () => {
  const votes = fc.array(fc.constantFrom(true, false, undefined), { minLength: 10, maxLength: 10 });
  fc.assert(
    fc.property(halves, votes, (sets, answers) => {
      const cast = new Map<number, boolean>();
      for (const [voter, answer] of answers.entries()) if (answer !== undefined) cast.set(voter, answer);
      const won = sets.every((set) => moreThanHalf(set, (voter) => answers[voter] === true));
      const open = sets.every((set) => moreThanHalf(set, (voter) => answers[voter] !== false));
      expect(jointVerdict(sets, cast)).toBe(won ? 'won' : open ? 'pending' : 'lost');
    }),
    { numRuns: 2_000 },
  );
});

test('both sides alike are one side, and no side decides nothing', () => {
  fc.assert(
    fc.property(voters, positions, (set, at) => {
      const of = (voter: number) => at[voter]!;
      expect(jointReached([set, set], of)).toBe(jointReached([set], of));
    }),
  );
  expect(jointReached([], () => 1)).toBe(0);
  expect(jointReached([[]], () => 1)).toBe(0);
  expect(jointVerdict([], new Map())).toBe('lost');
  expect(jointVerdict([[]], new Map([[1, true]]))).toBe('lost');
});
