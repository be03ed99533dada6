import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DirectoryLock } from '@tutti/consensus/file';
import { type PeerAddress, TuttiError } from '@tutti/kernel';
import { AdminClient, type AdminClientOptions } from '../admin/admin-client.ts';
import { replaceFile } from '../node/replace-file.ts';
import { makeWritableFolder } from '../node/writable-folder.ts';
import { LocalNode } from './local-node.ts';
import type { NodeProcessConfig } from './process-messages.ts';

/** How to start a cluster of processes on this machine. */
export interface LocalClusterOptions {
  /** From 1 to 7 nodes, named `n1`, `n2`, ... */
  readonly nodes: number;
  /** Where they keep their logs. A cluster that was there before goes on. */
  readonly directory: string;
  readonly cluster: string;
  readonly heartbeatMs: number;
  readonly electionTimeoutMs: number;
  readonly snapshotEntries: number;
  readonly logLevel: string;
}

/** What `cluster.json` in the cluster's directory says: how a second command finds the nodes. */
export interface ClusterFile {
  readonly cluster: string;
  readonly launcherPid: number;
  readonly adminToken: string;
  readonly nodes: readonly { readonly id: string; readonly pid: number; readonly adminUrl: string }[];
}

/** Real node processes on this machine: started together, killed one by one, gone when this is stopped. */
export class LocalCluster {
  readonly directory: string;
  readonly #options: LocalClusterOptions;
  readonly #token = randomBytes(24).toString('hex');
  readonly #nodes = new Map<string, LocalNode>();
  readonly #addresses = new Map<string, PeerAddress>();
  #lock: DirectoryLock | undefined;

  private constructor(options: LocalClusterOptions) {
    this.#options = options;
    this.directory = resolve(options.directory);
  }

  /**
   * Starts the processes, introduces them to one another, and resolves when each serves. When one fails, the others
   * are ended before this rejects. One launcher at a time holds the directory: a second would not only fail to start,
   * but count up the lives of the first one's nodes and end their shell tasks as leftovers.
   * @throws TuttiError `TUTTI_FOLDER_UNWRITABLE`, `TUTTI_OPTION_INVALID` for another number of nodes than before,
   * `TUTTI_STORE_LOCKED`, `TUTTI_NODE_DIED`, or what a node failed with
   */
  static async start(options: LocalClusterOptions): Promise<LocalCluster> {
    const cluster = new LocalCluster(options);
    makeWritableFolder(cluster.directory);
    checkVoters(cluster.directory, options.nodes);
    cluster.#lock = DirectoryLock.acquire(cluster.directory);
    try {
      const ids = Array.from({ length: options.nodes }, (_, index) => `n${index + 1}`);
      // All of them before any node starts: their number says how many voters there are, also after an early end.
      for (const id of ids) makeWritableFolder(join(cluster.directory, id));
      const nodes = ids.map((id) => cluster.#launch(id, ids, 0));
      const addresses = await Promise.all(nodes.map((node) => node.listening()));
      for (const address of addresses) cluster.#addresses.set(address.nodeId, address);
      const ready = Promise.all(nodes.map((node) => node.ready()));
      for (const node of nodes) node.introduce(cluster.#peersOf(node.id));
      await ready;
      cluster.#writeFile();
      return cluster;
    } catch (thrown) {
      await cluster.kill();
      throw thrown;
    }
  }

  nodes(): LocalNode[] {
    return [...this.#nodes.values()];
  }

  node(id: string): LocalNode {
    const node = this.#nodes.get(id);
    if (!node)
      throw new TuttiError('TUTTI_NODE_UNKNOWN', { node: id, known: [...this.#nodes.keys()].join(', ') });
    return node;
  }

  /** Speaks to whichever of the nodes answers. */
  client(options: AdminClientOptions = {}): AdminClient {
    return new AdminClient(
      () => this.nodes().flatMap((node) => (node.running && node.adminUrl ? [node.adminUrl] : [])),
      this.#token,
      options,
    );
  }

  /** Starts a node that has ended again, in its old place. */
  async restart(id: string): Promise<void> {
    const port = Number(new URL(this.#addresses.get(id)!.url).port);
    const node = this.#launch(id, [...this.#nodes.keys()], port);
    await node.listening();
    const ready = node.ready();
    node.introduce(this.#peersOf(id));
    await ready;
    this.#writeFile();
  }

  /** Asks every node to leave; resolves when no process is left. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes().map((node) => node.stop()));
    this.#leaveDirectory();
  }

  /** Ends every node at once. */
  async kill(): Promise<void> {
    await Promise.all(this.nodes().map((node) => node.kill()));
    this.#leaveDirectory();
  }

  #launch(id: string, voters: readonly string[], port: number): LocalNode {
    const { cluster, heartbeatMs, electionTimeoutMs, snapshotEntries, logLevel } = this.#options;
    const config: NodeProcessConfig = {
      cluster,
      node: id,
      directory: join(this.directory, id),
      voters,
      port,
      adminPort: 0,
      adminToken: this.#token,
      heartbeatMs,
      electionTimeoutMs,
      snapshotEntries,
      logLevel,
    };
    const node = new LocalNode(config);
    this.#nodes.set(id, node);
    return node;
  }

  #peersOf(id: string): PeerAddress[] {
    return [...this.#addresses.values()].filter((address) => address.nodeId !== id);
  }

  #writeFile(): void {
    const file: ClusterFile = {
      cluster: this.#options.cluster,
      launcherPid: process.pid,
      adminToken: this.#token,
      nodes: this.nodes().map((node) => ({ id: node.id, pid: node.pid!, adminUrl: node.adminUrl! })),
    };
    replaceFile(join(this.directory, 'cluster.json'), `${JSON.stringify(file, undefined, 2)}\n`, 0o600);
  }

  #leaveDirectory(): void {
    rmSync(join(this.directory, 'cluster.json'), { force: true });
    this.#lock?.release();
    this.#lock = undefined;
  }
}

/**
 * The nodes of a directory are its voters for good. With another number of them, a majority could be one that has
 * never seen what the old one committed.
 */
function checkVoters(directory: string, nodes: number): void {
  const before = readdirSync(directory).filter((name) => /^n\d+$/.test(name)).length;
  if (before > 0 && before !== nodes)
    throw new TuttiError('TUTTI_OPTION_INVALID', {
      option: '--nodes',
      value: nodes,
      expected: `${before}, the voters that ${directory} was made with, or another directory with --dir`,
    });
}
