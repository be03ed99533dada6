import type { LogIndex, NodeId } from '@tutti/kernel';
import type { MembershipStatus, Standing } from '../consensus.ts';
import type { Membership } from '../raft/messages.ts';

/** A configuration as a status shows it. */
export function membershipStatus(
  self: NodeId,
  membership: Membership,
  index: LogIndex,
  isCommitted: boolean,
): MembershipStatus {
  const { voters, learners, outgoing = [], promotable = [], contacts = {} } = membership;
  return {
    voters,
    learners,
    outgoing,
    promotable,
    contacts,
    index,
    isJoint: membership.outgoing !== undefined,
    isCommitted,
    standing: standingOf(self, membership, isCommitted),
  };
}

function standingOf(self: NodeId, membership: Membership, isCommitted: boolean): Standing {
  const { voters, learners, outgoing = [] } = membership;
  if (voters.length === 0) return 'none';
  if (voters.includes(self) || outgoing.includes(self)) return 'voter';
  if (learners.includes(self)) return 'learner';
  return isCommitted ? 'removed' : 'leaving';
}
