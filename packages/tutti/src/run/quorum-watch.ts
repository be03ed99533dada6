import { TuttiError } from '@tutti/kernel';
import type { AdminClient } from '../admin/admin-client.ts';

/** How long a cluster may be without a leader before a run on it is given up. Elections take well under a second. */
const LEADERLESS_MS = 15_000;
const POLL_MS = 250;

/** What {@link watchQuorum} watches. */
export interface WatchedCluster {
  readonly client: AdminClient;
  /** How many nodes the cluster has, whether they run or not. */
  readonly nodes: number;
  /** How many of them are gone for good. */
  readonly gone: () => number;
}

/**
 * Resolves with an error when the session can never end, since the log takes nothing more: too many nodes are gone for
 * good, or none has known a leader for 15 seconds. Resolves with undefined when aborted.
 */
export async function watchQuorum(
  { client, nodes, gone }: WatchedCluster,
  signal: AbortSignal,
): Promise<TuttiError | undefined> {
  const quorum = Math.floor(nodes / 2) + 1;
  const lost = (why: string, running: number) =>
    new TuttiError('TUTTI_QUORUM_LOST', { why, running, nodes, quorum });
  let ledAt = performance.now();
  while (!signal.aborted) {
    if (nodes - gone() < quorum) return lost('too many were killed', nodes - gone());
    const statuses = await client.everyStatus();
    if (statuses.some((status) => status.consensus.leader !== undefined)) ledAt = performance.now();
    else if (performance.now() - ledAt >= LEADERLESS_MS)
      return lost(`no leader for ${LEADERLESS_MS / 1000} s`, statuses.length);
    await pause(POLL_MS, signal);
  }
  return undefined;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
