import type { NodeId } from '@tutti/kernel';
import type { SimNode } from '../sim-node.ts';
import type { FaultWorld } from './fault-world.ts';

/**
 * One kind of trouble. A run draws which kinds it has; those with `begin` are begun from time to time, each as often
 * as its weight says, and the other methods strike at a moment. What a kind begins it must end itself, with
 * {@link FaultWorld.later}; when the run heals, links, disks and nodes are put right in any case.
 */
export interface FaultKind {
  /** Unique; it stands in the options of a run. */
  readonly name: string;
  /** The chance that a run of ordinary weather has it. */
  readonly fair: number;
  /** The chance that a run of elections upon elections has it. */
  readonly storm: number;
  /** How often it begins, compared with the run's other kinds. Default 1. */
  readonly weight?: number;
  begin?(world: FaultWorld): void;
  /** Somebody was seen to lead a term for the first time. */
  elected?(world: FaultWorld, leader: SimNode): void;
  /** Something was committed that nobody had known to be. */
  committed?(world: FaultWorld, leader: SimNode): void;
  /** A message has arrived. @param kind its number on the wire */
  delivered?(world: FaultWorld, from: NodeId, to: NodeId, kind: number): void;
}
