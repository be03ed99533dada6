import { type NodeId, nodeId, type PeerAddress, TuttiError } from '@tutti/kernel';
import type { NodeOptions } from './create-node.ts';

/**
 * Two nodes that count other voters can both find a majority, so what cannot be right is refused before the start.
 * @throws TuttiError `TUTTI_CONFIG_INVALID`
 */
export function votersOf(
  name: string,
  { peers = [], voters, joins }: Pick<NodeOptions, 'peers' | 'voters' | 'joins'>,
): readonly NodeId[] {
  const refuse = (problem: string) =>
    new TuttiError('TUTTI_CONFIG_INVALID', {
      source: 'createNode',
      key: 'voters',
      value: JSON.stringify(voters ?? null),
      problem,
      meaning: 'the names of all nodes that vote, this one among them, the same on every node',
    });
  if (joins && voters) throw refuse('a node that joins begins no group, so nobody votes in it yet');
  if (joins) return [];
  if (!voters && typeof peers === 'function')
    throw refuse('with peers that are found only later, it must be said who votes');
  const names = voters ?? [name, ...(peers as readonly PeerAddress[]).map((peer) => peer.nodeId)];
  if (!names.includes(name)) throw refuse(`${name} is not among them`);
  if (new Set(names).size < names.length) throw refuse('a node is named twice');
  return names.map(nodeId);
}
