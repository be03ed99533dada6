import { hashText } from '../sharding/shard-id.ts';

/**
 * The member that a key belongs to: the one with the highest hash of both together (D. Thaler, C. Ravishankar, "Using
 * Name-Based Mappings to Increase Hit Rates", 1998). When a member leaves only its own keys move, and they spread over
 * all others; when one comes, it takes an equal share from each. Undefined when there is none.
 */
export function rendezvous<Member>(
  key: string,
  members: readonly Member[],
  nameOf: (member: Member) => string,
): Member | undefined {
  let best: Member | undefined;
  let highest = -1;
  let bestName = '';
  for (const member of members) {
    const name = nameOf(member);
    const score = hashText(`${name} ${key}`);
    // Of equal ones the first by name, so that the order of the list decides nothing.
    if (score < highest || (score === highest && name > bestName)) continue;
    best = member;
    highest = score;
    bestName = name;
  }
  return best;
}
