import type { Random } from '@tutti/kernel';
import type { TestCluster, TestNode, TestNodeSetup } from 'tutti/testing';
import type { Oracle } from '../oracle.ts';

/** What else a cluster may be used for. Each run draws its own; a kept seed says which of them it had. */
export const WORKLOADS = ['obituaries', 'timers', 'remembered', 'steward', 'letters', 'news'] as const;

export type WorkloadName = (typeof WORKLOADS)[number];

/** What a workload uses. */
export interface Use {
  readonly cluster: TestCluster;
  readonly oracle: Oracle;
  /** Its own, so that it shifts nothing of what the others draw. */
  readonly random: Random;
  readonly workMs: number;
}

/** One more use of the cluster beside its clients, with what is promised of it. */
export interface Workload {
  /** Declares what it needs on a node that is about to start. */
  declare(node: TestNodeSetup): void;
  /** While there is trouble. Must end by itself. */
  work(use: Use): Promise<void>;
  /** All is well, and should be so for good within `limitMs`. */
  check(use: Use, limitMs: number): Promise<void>;
}

/** Does something through each node that runs, again and again, until the work is over. */
export async function throughEach(
  { cluster, random, workMs }: Use,
  everyMs: number,
  act: (node: TestNode) => void,
): Promise<void> {
  const end = cluster.now() + workMs;
  const each = cluster.nodes.map(async (node) => {
    while (cluster.now() < end) {
      await cluster.sleep(random.exponential(everyMs));
      if (node.isUp) act(node);
    }
  });
  await Promise.all(each);
}

const ASK_MS = 2_000;

/** Asks an entity until it answers: a link to a life that has just ended may still look whole. */
export async function insist<Reply>(
  { cluster }: Use,
  node: TestNode,
  [kind, key]: readonly [kind: string, key: string],
  event: { readonly type: string },
  limitMs: number,
): Promise<Reply> {
  const end = cluster.now() + limitMs;
  for (;;) {
    try {
      return await node.ref(kind, key).ask<Reply>(event, { timeoutMs: ASK_MS });
    } catch (thrown) {
      if (cluster.now() >= end) throw thrown;
      await cluster.sleep(50);
    }
  }
}
