import type { ReplicaConfig } from '@tutti/consensus';
import { type NodeId, nodeId, TuttiError } from '@tutti/kernel';
import type { ClusterConfig, ThreadOptions } from '@tutti/runtime';
import type { LatencyRange } from '@tutti/transport/memory';
import type { TestNodeSetup } from './test-node.ts';

/** How to make a cluster that runs in this process, on virtual time. */
export interface TestClusterOptions {
  /** How many nodes, 1 to 7, or their names; default 3, which are `n1`, `n2`, `n3`. */
  readonly nodes?: number | readonly string[];
  /** Decides everything that chance decides; default 1. */
  readonly seed?: number;
  /** Tells a node what it has, before it starts; called in each of its lives. */
  readonly setup?: (node: TestNodeSetup) => void;
  /** How long a message travels, in milliseconds; default 0.2 to 2. */
  readonly latencyMs?: LatencyRange;
  /** How long a write to a disk takes on average, in milliseconds; default 0.5. */
  readonly diskMs?: number;
  /** `model` (default) keeps logs in a model of a store, `files` in the store that ships, on simulated drives. */
  readonly disks?: 'model' | 'files';
  /** How far apart the nodes' wall clocks are, in milliseconds to either side; default 0. */
  readonly clockSkewMs?: number;
  /** By which part clocks run fast or slow; default 0. Beyond 0.02 two leases may disagree on what has passed. */
  readonly clockDrift?: number;
  /** The cluster's own times and bounds; default those of a node. */
  readonly cluster?: Partial<ClusterConfig>;
  /** Those of its Raft group. */
  readonly consensus?: ReplicaConfig;
  /** Threads of each node for actors of `threaded(...)` logic: none of the process's, but on the node's virtual time. */
  readonly threads?: TestThreadOptions;
  /** How many lines of its trace are kept; default 200. */
  readonly traceLines?: number;
}

/** The bounds are those of a node's threads; default 2 threads. */
export interface TestThreadOptions extends Partial<Omit<ThreadOptions, 'threads'>> {
  /**
   * Modules by the URL that `threaded` is given, which are then not imported; default none. What they keep outside of
   * their actors is shared by all threads of all nodes, which real ones do not.
   */
  readonly modules?: Readonly<Record<string, object>>;
}

/** A node by its name, its place from 0, or as `cluster.node` gives it. */
export type WhichNode = string | number | { readonly id: string };

/** What happened in a run. */
export interface TestTrace {
  /** Equal for two runs that were the same in what crossed links and threads, was logged, and was done to them. */
  readonly hash: string;
  /** How many events there were. */
  readonly events: number;
  /** The last lines: virtual milliseconds, what, and who. */
  readonly lines: readonly string[];
}

const NODES_MAX = 7;

/** The names of a cluster's nodes. @throws TuttiError `TUTTI_OPTION_INVALID`, `TUTTI_ID_INVALID` */
export function namesOf(nodes: number | readonly string[]): readonly NodeId[] {
  const names =
    typeof nodes === 'number' ? Array.from({ length: nodes }, (_, at) => `n${at + 1}`) : [...nodes];
  const isRight = names.length >= 1 && names.length <= NODES_MAX && new Set(names).size === names.length;
  if (isRight) return names.map(nodeId);
  const expected = `1 to ${NODES_MAX} nodes, each with a name of its own`;
  throw new TuttiError('TUTTI_OPTION_INVALID', { option: 'nodes', value: JSON.stringify(nodes), expected });
}
