import type { ExecutionMode, Plan } from '@tutti/actors';
import { type ClusterNode, NodeCluster } from '../cluster/node-cluster.ts';
import type { SessionOutcome, taskStream } from './drive.ts';
import type { TaskProgress } from './task-node.ts';

const MODULE = new URL('./task-node-process.ts', import.meta.url);

/** Three nodes with orchestration in three processes, logs on disk. */
export class TaskCluster extends NodeCluster {
  static async launch({ isRelayed = false } = {}): Promise<TaskCluster> {
    const cluster = new TaskCluster(MODULE, isRelayed);
    await cluster.start();
    return cluster;
  }

  run(plan: Plan, mode: ExecutionMode = 'eager'): Promise<SessionOutcome> {
    return this.first.process.call('run', { plan, mode });
  }

  /** Sessions of so many tasks each, or tasks that are added to one that is open. */
  stream(ratePerS: number, durationMs: number, tasks?: number): ReturnType<typeof taskStream> {
    return this.first.process.call('stream', {
      ratePerS,
      durationMs,
      ...(tasks === undefined ? {} : { tasks }),
    });
  }

  /** Tasks added one by one to an open session, and done, per second. */
  added(durationMs: number): Promise<number> {
    return this.first.process.call('added', durationMs);
  }

  /** Sessions of one task each per second. */
  sessions(durationMs: number): Promise<number> {
    return this.first.process.call('sessions', durationMs);
  }

  submit(plan: Plan): Promise<string> {
    return this.first.process.call('submit', { plan, mode: 'eager' });
  }

  progress(node: ClusterNode, session: string): Promise<TaskProgress> {
    return node.process.call('progress', session);
  }
}

/** Gives the action a cluster, and takes it away whatever happens. */
export async function withTaskCluster<Result>(
  action: (cluster: TaskCluster) => Promise<Result>,
  options: { readonly isRelayed?: boolean } = {},
): Promise<Result> {
  const cluster = await TaskCluster.launch(options);
  try {
    return await action(cluster);
  } finally {
    await cluster.end();
  }
}
