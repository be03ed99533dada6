import { isTuttiError } from '@tutti/kernel';
import { pause } from './pause.ts';

/** Told what becomes of the nodes that are kept alive. */
export interface KeepAliveListener {
  died(node: string): void;
  restarted(node: string): void;
  /** There was no space for it to be started again: that is tried until there is some. Told once until it is back. */
  postponed(node: string, thrown: unknown): void;
  /** It could not be started again, and stays away. */
  gaveUp(node: string, thrown: unknown): void;
}

export interface KeepAliveOptions {
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** Whether a node that has just died stays dead; by default none does. */
  readonly staysDead?: (node: string) => boolean;
  readonly listener: KeepAliveListener;
  /** Waits, or until it is called off; by default on the system's clock. */
  readonly wait?: (delayMs: number, signal: AbortSignal) => Promise<void>;
}

/** One life of a node. */
interface KeptNode {
  readonly id: string;
  /** Resolves when its process is gone. */
  readonly exited: Promise<void>;
}

/** The cluster whose nodes are kept alive, such as a `LocalCluster`. */
export interface KeptCluster {
  nodes(): readonly KeptNode[];
  onChange(listener: (change: 'added' | 'removed', node: KeptNode) => void): () => void;
  /** Starts a node that has ended again, or ends what an earlier call could not. */
  restart(id: string): Promise<void>;
}

/** How long a node that died stays away before it is started again. */
const RESTART_AFTER_MS = 1000;
/** The longest pause between two attempts where there was no space: each is twice as long as the one before. */
const RETRY_AFTER_MS_MAX = 30_000;

/** Starts the nodes of a cluster again when their processes end, until told to stop. */
export function keepAlive(cluster: KeptCluster, options: KeepAliveOptions): void {
  for (const node of cluster.nodes()) void watch(cluster, node, options);
  const forget = cluster.onChange((change, node) => {
    if (change === 'added') void watch(cluster, node, options);
  });
  options.signal.addEventListener('abort', forget, { once: true });
}

const lifeOf = (cluster: KeptCluster, id: string): KeptNode | undefined =>
  cluster.nodes().find((node) => node.id === id);

async function watch(cluster: KeptCluster, first: KeptNode, options: KeepAliveOptions): Promise<void> {
  const { id } = first;
  const { signal, staysDead, listener } = options;
  for (let node: KeptNode | undefined = first; node; node = lifeOf(cluster, id)) {
    await node.exited;
    // One that was removed is no longer among them, or under its name is another.
    if (signal.aborted || lifeOf(cluster, id) !== node) return;
    listener.died(id);
    if (staysDead?.(id)) return;
    if (!(await isBack(cluster, node, options))) return;
  }
}

/** Starts a node that is dead again. @returns whether it serves: not if it stays away, or nobody wants it any more */
async function isBack(
  cluster: KeptCluster,
  dead: KeptNode,
  { signal, listener, wait = pause }: KeepAliveOptions,
): Promise<boolean> {
  const { id } = dead;
  let last: KeptNode | undefined = dead;
  for (let delayMs = RESTART_AFTER_MS; ; delayMs = Math.min(2 * delayMs, RETRY_AFTER_MS_MAX)) {
    await wait(delayMs, signal);
    if (signal.aborted || !last || lifeOf(cluster, id) !== last) return false;
    try {
      await cluster.restart(id);
    } catch (thrown) {
      if (signal.aborted) return false;
      // Space comes back by itself, and nothing else would start the node then.
      if (!isTuttiError(thrown, 'TUTTI_STORE_FULL')) {
        listener.gaveUp(id, thrown);
        return false;
      }
      if (delayMs === RESTART_AFTER_MS) listener.postponed(id, thrown);
      // What was started in its place: it has ended, or runs and could not be noted.
      last = lifeOf(cluster, id);
      continue;
    }
    listener.restarted(id);
    return true;
  }
}
