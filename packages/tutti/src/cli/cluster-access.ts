import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { messageOf, TuttiError } from '@tutti/kernel';
import * as z from 'zod';
import { AdminClient, type AdminClientOptions } from '../admin/admin-client.ts';
import type { LocalClusterOptions } from '../cluster/local-cluster.ts';
import { type LoadedSettings, loadSettings, type Settings } from '../config/settings.ts';
import { isRunning } from '../node/is-running.ts';

const clusterFile = z.object({
  cluster: z.string(),
  launcherPid: z.number(),
  adminToken: z.string(),
  nodes: z.array(z.object({ id: z.string(), pid: z.number(), adminUrl: z.string() })),
});

/** The settings of a command, from its own options and the program's. */
export function settingsFor(options: Readonly<Record<string, unknown>>, config: unknown): LoadedSettings {
  return loadSettings(options, process.env, typeof config === 'string' ? config : undefined);
}

/** What the settings say of a cluster that is to be started in a directory. */
export function clusterOptions(settings: Settings, directory: string): LocalClusterOptions {
  return {
    nodes: settings['cluster.nodes'],
    directory,
    cluster: settings['cluster.name'],
    heartbeatMs: settings['raft.heartbeat'],
    electionTimeoutMs: settings['raft.electionTimeout'],
    snapshotEntries: settings['raft.snapshotEntries'],
    clusterConfig: {
      linkDownGraceMs: settings['cluster.linkDownGrace'],
      silenceMs: settings['cluster.silence'],
      unreachableMs: settings['cluster.unreachable'],
    },
    logLevel: settings['log.level'],
  };
}

/**
 * Finds the cluster that `tutti up` runs in a directory.
 * @throws TuttiError `TUTTI_CLUSTER_NOT_RUNNING`
 */
export function findCluster(directory: string, options: AdminClientOptions = {}): AdminClient {
  const file = join(resolve(directory), 'cluster.json');
  try {
    const known = clusterFile.parse(JSON.parse(readFileSync(file, 'utf8')));
    if (!isRunning(known.launcherPid)) throw new Error(`its process ${known.launcherPid} is gone`);
    const gone = `the command that kept it, process ${known.launcherPid}, has ended`;
    return new AdminClient(() => known.nodes.map((node) => node.adminUrl), known.adminToken, {
      directory: resolve(directory),
      ended: () => (isRunning(known.launcherPid) ? undefined : gone),
      ...options,
    });
  } catch (thrown) {
    throw new TuttiError(
      'TUTTI_CLUSTER_NOT_RUNNING',
      {
        directory: resolve(directory),
        problem: isMissing(thrown) ? 'it has no cluster.json' : messageOf(thrown),
      },
      { cause: thrown },
    );
  }
}

function isMissing(thrown: unknown): boolean {
  return (thrown as NodeJS.ErrnoException).code === 'ENOENT';
}
