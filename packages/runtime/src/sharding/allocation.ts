import type { NodeId } from '@tutti/kernel';
import { hashText, type ShardId } from './shard-id.ts';

/** A node that takes shards, with its share beside a node of 1. */
export interface WeightedNode {
  readonly nodeId: NodeId;
  readonly weight: number;
}

/** How far above its fair share a node may be, as the hash has it. */
const LOAD_FACTOR_MAX = 1.25;

/**
 * How well a shard fits a node: weighted rendezvous hashing (Thaler and Ravishankar 1998; the weights after Schindelhauer
 * and Schomaker 2005). When a node goes only its shards move; when one comes, or becomes heavier, shards move only to it.
 * A ring was rejected (ADR 26): with few nodes it needs many virtual points to be as even.
 */
function fit(shard: ShardId, { nodeId, weight }: WeightedNode): number {
  const chance = (hashText(`${shard}@${nodeId}`) + 1) / (2 ** 32 + 1);
  return weight / -Math.log(chance);
}

/** The nodes by how well a shard fits them, the best first; by name where it fits two alike. */
function ranked(shard: ShardId, nodes: readonly WeightedNode[]): readonly WeightedNode[] {
  return nodes
    .map((node) => ({ node, fit: fit(shard, node) }))
    .sort((a, b) => b.fit - a.fit || (a.node.nodeId < b.node.nodeId ? -1 : 1))
    .map(({ node }) => node);
}

/**
 * Which node each shard belongs on: the one it fits best of those that have room. A node has room for a quarter more
 * than its share (bounded loads, Mirrokni, Thorup and Zadimoghaddam 2018), so what moves beyond the least is what would
 * overfill a node.
 * @returns by shard; empty without nodes
 */
export function idealOwners(shards: number, nodes: readonly WeightedNode[]): readonly NodeId[] {
  if (nodes.length === 0) return [];
  const total = nodes.reduce((sum, { weight }) => sum + weight, 0);
  const room = new Map(
    nodes.map(({ nodeId, weight }) => [nodeId, Math.ceil((LOAD_FACTOR_MAX * shards * weight) / total)]),
  );
  return Array.from({ length: shards }, (_, shard) => {
    const ranking = ranked(shard, nodes);
    const { nodeId } = ranking.find((node) => room.get(node.nodeId)! > 0) ?? ranking[0]!;
    room.set(nodeId, room.get(nodeId)! - 1);
    return nodeId;
  });
}

/** @see idealOwners */
export type Allocate = typeof idealOwners;

/** {@link idealOwners} that is computed anew only for another count of shards or other nodes. */
export function lastIdealOwners(): Allocate {
  let key = '';
  let owners: readonly NodeId[] = [];
  return (shards, nodes) => {
    const asked = [shards, ...nodes.map(({ nodeId, weight }) => `${nodeId} ${weight}`)].join();
    if (asked !== key) owners = idealOwners(shards, nodes);
    key = asked;
    return owners;
  };
}
