import { assert } from '@tutti/kernel';
import { clusterConfig } from './cluster-config.ts';
import type { ClusterSystem, ClusterSystemOptions } from './cluster-system.ts';

/** Puts the cluster's placements on top of one node's actor system. */
export function createClusterSystem(options: ClusterSystemOptions): ClusterSystem {
  const config = clusterConfig(options.config);
  assert(config.shards === 0, 'the body of the cluster system is in place');
  throw new Error();
}
