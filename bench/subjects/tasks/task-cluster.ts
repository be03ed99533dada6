import { dirname, join } from 'node:path';
import type { ExecutionMode, Plan } from '@tutti/actors';
import { type ClusterNode, NodeCluster } from '../cluster/node-cluster.ts';
import type { Carried, SessionOutcome, StreamOutcome } from './drive.ts';
import type { TaskProgress } from './task-node.ts';
import { borneOut, unwitnessed } from './work-witness.ts';

const MODULE = new URL('./task-node-process.ts', import.meta.url);

/** Three nodes with orchestration in three processes, logs on disk. */
export class TaskCluster extends NodeCluster {
  static async launch({ isRelayed = false } = {}): Promise<TaskCluster> {
    const cluster = new TaskCluster(MODULE, isRelayed);
    await cluster.start();
    return cluster;
  }

  /** A plan of calls of `noop`. */
  run(plan: Plan, mode: ExecutionMode = 'eager'): Promise<SessionOutcome> {
    return this.#borneOut(() => this.first.process.call('run', { plan, mode }));
  }

  #borneOut<Outcome extends { readonly done: number }>(action: () => Promise<Outcome>): Promise<Outcome> {
    return borneOut(async () => {
      const calls = await Promise.all(this.nodes.map(({ process }) => process.call<number>('calls')));
      return calls.reduce((sum, each) => sum + each, 0);
    }, action);
  }

  /** Sessions of so many tasks each, or tasks that are added to one that is open. */
  stream(ratePerS: number, durationMs: number, tasks?: number): Promise<StreamOutcome> {
    const request = { ratePerS, durationMs, ...(tasks === undefined ? {} : { tasks }) };
    return this.#borneOut(() => this.first.process.call('stream', request));
  }

  /** Tasks added one by one to an open session, and done, per second. */
  added(durationMs: number): Promise<Carried> {
    return this.#borneOut(() => this.first.process.call('added', durationMs));
  }

  /** Sessions of one task each per second. */
  sessions(durationMs: number): Promise<number> {
    return this.first.process.call('sessions', durationMs);
  }

  submit(plan: Plan): Promise<string> {
    return this.first.process.call('submit', { plan, mode: 'eager' });
  }

  /** What a session of calls of `timed` came to once it is over; a task that no node has written down is lost, too. */
  async outcome(session: string, plan: Plan): Promise<Omit<SessionOutcome, 'wallMs'>> {
    const outcome = await this.first.process.call<Omit<SessionOutcome, 'wallMs'>>('outcome', {
      session,
      submitted: plan.tasks.length,
    });
    const file = workFile(this.first.config.directory);
    const ids = plan.tasks.map(({ id }) => id);
    return { ...outcome, lost: Math.max(outcome.lost, unwitnessed(file, session, ids)) };
  }

  progress(node: ClusterNode, session: string): Promise<TaskProgress> {
    return node.process.call('progress', session);
  }
}

/** Beside the folders of the nodes, for all of them. */
export const workFile = (directory: string) => join(dirname(directory), 'work');

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
