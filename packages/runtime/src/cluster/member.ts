import type { Incarnation, NodeId } from '@tutti/kernel';
import type { Declaration } from './declaration.ts';

/**
 * A member's life as the log tells it. `up`: takes work. `leaving`: hands its work over. `lost`: the others agreed
 * that it is gone, and its work has been given away; only a new incarnation comes back.
 */
export type MemberState = 'up' | 'leaving' | 'lost' | 'left';

/** One row of the membership module: the truth that placement, fencing and death watch go by. */
export interface Member {
  readonly nodeId: NodeId;
  readonly incarnation: Incarnation;
  readonly state: MemberState;
  /** Labels for placement, such as `{ zone: 'a' }`. */
  readonly labels: Readonly<Record<string, string>>;
  /** Where its admin interface listens, if it has one. */
  readonly adminUrl?: string;
  /** What it runs, and its times; undefined of a node from before nodes said so. */
  readonly declares?: Declaration;
  /** What its modules can apply; 1 when it is undefined. See `CLUSTER_LEVEL`. */
  readonly level?: number;
  /** Log time of the last change, in milliseconds since 1970. */
  readonly since: number;
}

/** Follows the members; told in log order on every node. */
export interface Members {
  list(): readonly Member[];
  get(nodeId: NodeId): Member | undefined;
  /** Called after each change; returns the function that ends it. */
  onChange(listener: (member: Member, before: MemberState | undefined) => void): () => void;
}
