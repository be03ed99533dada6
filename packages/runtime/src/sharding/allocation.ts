import type { NodeId } from '@tutti/kernel';
import { hashText, type ShardId } from './shard-id.ts';

/**
 * Which of the nodes a shard belongs on: the one with the highest hash of node and shard (rendezvous hashing, Thaler
 * and Ravishankar 1998). When a node goes only its shards move; when one comes shards move only to it. A ring was
 * rejected: with few nodes it needs many virtual points to be as even.
 */
export function idealOwner(shard: ShardId, nodes: readonly NodeId[]): NodeId | undefined {
  let best: NodeId | undefined;
  let bestWeight = -1;
  for (const node of nodes) {
    const weight = hashText(`${shard}@${node}`);
    if (weight > bestWeight || (weight === bestWeight && best !== undefined && node < best)) {
      best = node;
      bestWeight = weight;
    }
  }
  return best;
}
