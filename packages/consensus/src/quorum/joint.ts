import { majorityReached, majorityVerdict, type Verdict } from './majority.ts';

/**
 * The highest value that a majority of each set has reached (Raft paper 6: agreement in a joint configuration needs
 * "separate majorities from both the old and new configurations"). One set is a configuration that is not joint.
 */
export function jointReached<Voter>(
  sets: readonly (readonly Voter[])[],
  of: (voter: Voter) => number,
): number {
  let reached = Infinity;
  for (const set of sets) reached = Math.min(reached, majorityReached(set.map(of)));
  return sets.length === 0 ? 0 : reached;
}

/** An election is won when every set has elected, and lost as soon as one of them cannot any more. */
export function jointVerdict<Voter>(
  sets: readonly (readonly Voter[])[],
  votes: ReadonlyMap<Voter, boolean>,
): Verdict {
  const verdicts = sets.map((set) => {
    const granted = set.filter((voter) => votes.get(voter) === true).length;
    const refused = set.filter((voter) => votes.get(voter) === false).length;
    return majorityVerdict(set.length, granted, refused);
  });
  if (verdicts.length === 0 || verdicts.includes('lost')) return 'lost';
  return verdicts.includes('pending') ? 'pending' : 'won';
}
