import type { LocalCluster } from './local-cluster.ts';
import type { LocalNode } from './local-node.ts';

/** Told what becomes of the nodes that are kept alive. */
export interface KeepAliveListener {
  died(node: string): void;
  restarted(node: string): void;
  /** It could not be started again, and stays away. */
  gaveUp(node: string, thrown: unknown): void;
}

export interface KeepAliveOptions {
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** Whether a node that has just died stays dead; by default none does. */
  readonly staysDead?: (node: string) => boolean;
  readonly listener: KeepAliveListener;
}

/** How long a node that died stays away before it is started again. */
const RESTART_AFTER_MS = 1000;

/** Starts the nodes of a cluster again when their processes end, until told to stop. */
export function keepAlive(cluster: LocalCluster, options: KeepAliveOptions): void {
  for (const node of cluster.nodes()) void watch(cluster, node, options);
  const forget = cluster.onChange((change, node) => {
    if (change === 'added') void watch(cluster, node, options);
  });
  options.signal.addEventListener('abort', forget, { once: true });
}

async function watch(
  cluster: LocalCluster,
  first: LocalNode,
  { signal, staysDead, listener }: KeepAliveOptions,
): Promise<void> {
  const { id } = first;
  const current = () => cluster.nodes().find((node) => node.id === id);
  for (let node: LocalNode | undefined = first; node; node = current()) {
    const watched = node;
    await node.exited;
    // One that was removed is no longer among them, or under its name is another.
    const isOver = () => signal.aborted || current() !== watched;
    if (isOver()) return;
    listener.died(id);
    if (staysDead?.(id)) return;
    await new Promise((resolve) => setTimeout(resolve, RESTART_AFTER_MS));
    if (isOver()) return;
    try {
      await cluster.restart(id);
    } catch (thrown) {
      if (!signal.aborted) listener.gaveUp(id, thrown);
      return;
    }
    listener.restarted(id);
  }
}
