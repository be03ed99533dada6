/**
 * Testing actors under crashes and partitions: a whole cluster in this process, on virtual time, from one seed.
 *
 * ```ts
 * import { createTestCluster } from 'tutti/testing';
 *
 * const cluster = createTestCluster({ nodes: 3, seed: 7, setup: (node) => node.entity('cart', cart) });
 * await cluster.start();
 * cluster.partition(['n1'], ['n2', 'n3']);
 * await cluster.run(2_000);
 * ```
 *
 * @module
 */
import './stand-in.ts';

export { type ClusterTest, type ClusterTestSource, defineClusterTest } from './cluster-test.ts';
export { FAULT_KINDS, type Fault, type FaultKind, THREAD_FAULT_KINDS } from './fault.ts';
export type { Holds } from './invariants.ts';
export {
  type ClusterTestFailure,
  type ClusterTestReport,
  type ClusterTestRun,
  runClusterTest,
} from './run-cluster-test.ts';
export { type Shrunk, shrinkClusterTest } from './shrink-cluster-test.ts';
export { createTestCluster, TestCluster } from './test-cluster.ts';
export type {
  TestClusterOptions,
  TestThreadOptions,
  TestTrace,
  WhichNode,
} from './test-cluster-options.ts';
export type { TestNode, TestNodeSetup } from './test-node.ts';
export type { TestThread } from './test-threads.ts';
