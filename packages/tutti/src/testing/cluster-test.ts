import type { FaultKind } from './fault.ts';
import type { TestCluster } from './test-cluster.ts';
import type { TestClusterOptions } from './test-cluster-options.ts';

/**
 * A test of actors under trouble, as `tutti test` runs it, once for each seed: the nodes start, the workload begins,
 * faults come over them for a while, all is healed, the workload ends, the cluster becomes whole, and `check` looks at
 * what is left. It fails when an invariant is broken, when the workload or `check` throws, or when one of them, or
 * the cluster, has not come to its end within `settleMs` after the healing.
 */
export interface ClusterTest
  extends Pick<
    TestClusterOptions,
    | 'setup'
    | 'latencyMs'
    | 'diskMs'
    | 'disks'
    | 'clockSkewMs'
    | 'clockDrift'
    | 'cluster'
    | 'consensus'
    | 'threads'
  > {
  /** How many nodes, 1 to 7; default 3. */
  readonly nodes?: number;
  /** How long faults come, in milliseconds of virtual time; default 20,000. */
  readonly durationMs?: number;
  /** How long all may take to become well afterwards; default 60,000. */
  readonly settleMs?: number;
  /** How much time lies between two faults on average; default 1,500. */
  readonly faultEveryMs?: number;
  /** Which faults come; default all of `FAULT_KINDS`. Those of `THREAD_FAULT_KINDS` are drawn beside them. */
  readonly faults?: readonly FaultKind[];
  /** Uses the cluster as clients would. It runs inside of virtual time, beside the faults, and must end by itself. */
  readonly workload: (cluster: TestCluster) => Promise<void>;
  /** Looks at what is left when all is well again; a throw says that it is not. */
  readonly check?: (cluster: TestCluster) => Promise<void> | void;
}

/** A test, or what makes one for each run: then what it keeps outside of the actors begins anew each time. */
export type ClusterTestSource = ClusterTest | (() => ClusterTest);

/** Says what a file for `tutti test` exports as its default. */
export function defineClusterTest(test: ClusterTestSource): ClusterTestSource {
  return test;
}
