import { type Consensus, type GroupChanges, Replica } from '@tutti/consensus';
import { TuttiError } from '@tutti/kernel';

/** The Raft group of a node, for whoever operates it: who belongs to it, who leads it, and how it fares. */
export type NodeGroup = GroupChanges &
  Pick<Replica, 'status' | 'stages' | 'stats' | 'transferLeadership' | 'takeSnapshot' | 'holdState'>;

/**
 * The group that a node's consensus is a part of.
 * @throws TuttiError `TUTTI_GROUP_OF_ONE`
 */
export function groupOf(node: string, consensus: Consensus): NodeGroup {
  if (consensus instanceof Replica) return consensus;
  throw new TuttiError('TUTTI_GROUP_OF_ONE', { node });
}
