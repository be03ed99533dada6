import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionMode, Plan } from '@tutti/actors';
import type { PeerAddress } from '@tutti/kernel';
import { benchDisk } from '../../harness/bench-disk.ts';
import { FleetProcess } from '../../harness/fleet.ts';
import { sleep } from '../../harness/load.ts';
import type { SessionOutcome, taskStream } from './drive.ts';
import type { NodeConfig, TaskProgress } from './task-node.ts';

const MODULE = new URL('./task-node-process.ts', import.meta.url);
const NAMES = ['n1', 'n2', 'n3'];
const POLL_MS = 10;

export interface TaskNode {
  process: FleetProcess;
  config: NodeConfig;
  address: PeerAddress;
}

/** Three nodes with orchestration in three processes, logs on disk. */
export class TaskCluster {
  readonly nodes: TaskNode[] = [];
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async start(): Promise<TaskCluster> {
    const cluster = new TaskCluster(mkdtempSync(join(benchDisk(), 'tutti-bench-tasks-')));
    await Promise.all(NAMES.map((name) => cluster.#launch(name)));
    cluster.nodes.sort((a, b) => a.config.name.localeCompare(b.config.name));
    await Promise.all(cluster.nodes.map((node) => cluster.#join(node)));
    while ((await cluster.first.process.call<number>('isReady')) < NAMES.length) await sleep(POLL_MS);
    return cluster;
  }

  async #launch(name: string): Promise<void> {
    const directory = join(this.#folder, name);
    mkdirSync(directory);
    const config: NodeConfig = { name, voters: NAMES, directory, port: 0 };
    const process = new FleetProcess(MODULE);
    this.nodes.push({ process, config, address: await process.call<PeerAddress>('listen', config) });
  }

  #join(node: TaskNode): Promise<void> {
    return node.process.call(
      'join',
      this.nodes.filter((other) => other !== node).map(({ address }) => address),
    );
  }

  get first(): TaskNode {
    return this.nodes[0]!;
  }

  run(plan: Plan, mode: ExecutionMode = 'eager'): Promise<SessionOutcome> {
    return this.first.process.call('run', { plan, mode });
  }

  stream(ratePerS: number, durationMs: number): ReturnType<typeof taskStream> {
    return this.first.process.call('stream', { ratePerS, durationMs });
  }

  submit(plan: Plan): Promise<string> {
    return this.first.process.call('submit', { plan, mode: 'eager' });
  }

  progress(node: TaskNode, session: string): Promise<TaskProgress> {
    return node.process.call('progress', session);
  }

  /** Starts a node that was killed in its old place; resolves when it takes part. */
  async restart(node: TaskNode): Promise<void> {
    node.process = new FleetProcess(MODULE);
    node.config = { ...node.config, port: Number(new URL(node.address.url).port) };
    node.address = await node.process.call<PeerAddress>('listen', node.config);
    await this.#join(node);
  }

  async end(): Promise<void> {
    await Promise.all(this.nodes.map(({ process }) => process.kill()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Gives the action a cluster, and takes it away whatever happens. */
export async function withTaskCluster<Result>(
  action: (cluster: TaskCluster) => Promise<Result>,
): Promise<Result> {
  const cluster = await TaskCluster.start();
  try {
    return await action(cluster);
  } finally {
    await cluster.end();
  }
}
