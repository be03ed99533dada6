import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DirectoryLock, makePrivateDirectory } from '@tutti/consensus/file';
import { isTuttiError, type PeerAddress, TuttiError } from '@tutti/kernel';
import type { ClusterConfig } from '@tutti/runtime';
import { AdminClient, type AdminClientOptions, mayBeAgreed } from '../admin/admin-client.ts';
import { contactOf } from '../node/group-peers.ts';
import { replaceFile } from '../node/replace-file.ts';
import { makeWritableFolder } from '../node/writable-folder.ts';
import { clusterFolder } from './cluster-folder.ts';
import type { AddedNode, AddNodeOptions, Launcher } from './launcher.ts';
import { LocalNode } from './local-node.ts';
import type { NodeProcessConfig } from './process-messages.ts';
import { Roster } from './roster.ts';

/** How to start a cluster of processes on this machine. */
export interface LocalClusterOptions {
  /** From 1 to 7 nodes, named `n1`, `n2`, ...; of a directory that has a cluster, as many as it has or began with. */
  readonly nodes: number;
  /** Where they keep their logs. A cluster that was there before goes on. */
  readonly directory: string;
  readonly cluster: string;
  readonly heartbeatMs: number;
  readonly electionTimeoutMs: number;
  readonly snapshotEntries: number;
  /** What tunes their membership; by default as `createNode` has it. */
  readonly clusterConfig?: Partial<ClusterConfig>;
  readonly logLevel: string;
}

/** What a caller wants of a start that takes long. */
export interface StartWatch {
  /** Aborted, every node is ended, and the start rejects. */
  readonly signal?: AbortSignal;
  /** Called once with the nodes that do not serve after this time. Those that do can be asked from then on. */
  readonly late?: { readonly afterMs: number; readonly tell: (nodes: readonly string[]) => void };
}

/** What `cluster.json` in the cluster's directory says: how a second command finds the nodes. */
export interface ClusterFile {
  readonly cluster: string;
  readonly launcherPid: number;
  readonly adminToken: string;
  readonly nodes: readonly { readonly id: string; readonly pid: number; readonly adminUrl: string }[];
}

/** How long a node may take to give its work away. */
const DRAIN_PATIENCE_MS = 10_000;

function refuseAborted({ signal }: StartWatch): void {
  if (signal?.aborted) throw new TuttiError('TUTTI_ABORTED', { what: 'The start of the cluster' });
}

type ChangeListener = (change: 'added' | 'removed', node: LocalNode) => void;

/**
 * Real node processes on this machine: started together, killed one by one, gone when this is stopped. While it runs,
 * nodes can be added and removed.
 */
export class LocalCluster implements Launcher {
  readonly directory: string;
  readonly #options: LocalClusterOptions;
  readonly #token = randomBytes(24).toString('hex');
  readonly #nodes = new Map<string, LocalNode>();
  readonly #addresses = new Map<string, PeerAddress>();
  readonly #listeners = new Set<ChangeListener>();
  #roster: Roster;
  /** The change that is under way, or was last. */
  #changed: Promise<unknown> = Promise.resolve();
  #lock: DirectoryLock | undefined;

  private constructor(options: LocalClusterOptions, directory: string) {
    this.#options = options;
    this.directory = directory;
    this.#roster = Roster.open(directory, options.nodes);
  }

  /**
   * Starts the processes, introduces them to one another, and resolves when each serves. When one fails, the others
   * are ended before this rejects. One launcher at a time holds the directory: a second would not only fail to start,
   * but count up the lives of the first one's nodes and end their shell tasks as leftovers.
   * @throws TuttiError `TUTTI_FOLDER_UNWRITABLE`, `TUTTI_FOLDER_OF_NODE`, `TUTTI_OPTION_INVALID` for another number of nodes than before,
   * `TUTTI_STORE_LOCKED`, `TUTTI_NODE_DIED`, or what a node failed with; aborted, `TUTTI_NODE_DIED` or `TUTTI_ABORTED`
   */
  static async start(options: LocalClusterOptions, watch: StartWatch = {}): Promise<LocalCluster> {
    const cluster = new LocalCluster(options, makeWritableFolder(clusterFolder(options.directory)));
    cluster.#lock = DirectoryLock.acquire(cluster.directory);
    let endWatch = (): void => {};
    try {
      // Again, now that nobody else can change it, and written before any node starts: it says who may begin a group.
      cluster.#roster = Roster.open(cluster.directory, options.nodes);
      cluster.#roster.save();
      const { leaving, joining, current } = cluster.#roster;
      const all = new Set([...current, ...(joining ? [joining.node] : [])]);
      const nodes = [...all].map((id) => cluster.#launch(id, 0));
      endWatch = cluster.#watch(watch);
      // Who is leaving may be out of the group already, and who is joining not in it: nobody waits for them, and they may
      // be needed to agree.
      const isAwaited = (node: LocalNode) => node.id !== leaving && node.id !== joining?.node;
      const listening = nodes.map((node) =>
        isAwaited(node) ? node.listening() : node.listening().catch(() => undefined),
      );
      for (const address of await Promise.all(listening))
        if (address) cluster.#addresses.set(address.nodeId, address);
      // Nor for one that is removed meanwhile, which may be because it cannot become ready.
      const isReady = (node: LocalNode) =>
        node.ready().catch((thrown: unknown) => {
          if (cluster.#nodes.get(node.id) === node) throw thrown;
        });
      const ready = Promise.all(nodes.filter(isAwaited).map(isReady));
      for (const node of nodes) node.introduce(cluster.#peersOf(node.id));
      await ready;
      cluster.#roster.allBegan();
      // What the launcher before began. If it cannot be done now, the next change or the next launcher tries.
      // What fails for want of nodes is swallowed there.
      await cluster.#inTurn(() => cluster.#finishJoining());
      refuseAborted(watch);
      await cluster.#inTurn(() => cluster.#finishLeaving());
      refuseAborted(watch);
      cluster.#writeFile();
      return cluster;
    } catch (thrown) {
      await cluster.kill();
      throw thrown;
    } finally {
      endWatch();
    }
  }

  /** Returns the function that ends it. */
  #watch({ signal, late }: StartWatch): () => void {
    const abort = () => void Promise.all(this.nodes().map((node) => node.kill()));
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    const timer =
      late &&
      setTimeout(() => {
        // Whoever waits for one node may have to ask the others for what it needs.
        this.#writeFile();
        late.tell(this.nodes().flatMap(({ id, adminUrl }) => (adminUrl === undefined ? [id] : [])));
      }, late.afterMs);
    return () => {
      signal?.removeEventListener('abort', abort);
      clearTimeout(timer);
    };
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
    return this.#clientOf(() => this.nodes(), options);
  }

  #clientOf(nodes: () => readonly LocalNode[], options?: AdminClientOptions): AdminClient {
    const urls = () => nodes().flatMap((node) => (node.running && node.adminUrl ? [node.adminUrl] : []));
    return new AdminClient(urls, this.#token, { directory: this.directory, ...options });
  }

  /**
   * Starts a node that has ended again, in its old place. One that has lost its folder comes with another key. Of one that
   * runs it is only noted how to find it, which an earlier call may have had no space for.
   */
  async restart(id: string): Promise<void> {
    if (this.#nodes.get(id)?.running !== true) await this.#startAgain(id);
    this.#writeFile();
  }

  async #startAgain(id: string): Promise<void> {
    const port = Number(new URL(this.#addresses.get(id)!.url).port);
    const node = this.#launch(id, port);
    try {
      const address = await node.listening();
      const ready = node.ready();
      this.#acquaint(node, address);
      await ready;
    } catch (thrown) {
      // It is on its way out: the next attempt must find it gone.
      await node.kill();
      throw thrown;
    }
  }

  add({ node, learner = false }: AddNodeOptions = {}): Promise<AddedNode> {
    return this.#inTurn(() => this.#add(node ?? this.#roster.freeName(), learner));
  }

  remove(node: string): Promise<void> {
    return this.#inTurn(() => this.#remove(node));
  }

  /** Calls back when a node has been added or removed; returns the function that ends it. */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#changed.then(change);
    this.#changed = turn.catch(() => {});
    return turn;
  }

  async #add(id: string, learner: boolean): Promise<AddedNode> {
    if (this.#roster.joining?.node !== id) await this.#finishJoining();
    this.#roster.checkNew(id);
    /** Whether the group may come to agree: then it counts on the node's vote. */
    let isOpen = this.#roster.joining !== undefined;
    this.#roster.beginsJoining(id, learner);
    try {
      const contact = contactOf(await this.#begin(id));
      const others = this.#clientOf(() => this.#othersThan(this.#nodes.get(id)));
      await others.addMember({ node: id, contact, promote: !learner }).catch((thrown: unknown) => {
        isOpen = mayBeAgreed(thrown, isOpen);
        throw thrown;
      });
    } catch (thrown) {
      if (isOpen) throw thrown;
      await this.#nodes.get(id)?.kill();
      this.#nodes.delete(id);
      this.#addresses.delete(id);
      this.#roster.staysOut();
      throw thrown;
    }
    const node = this.node(id);
    this.#roster.joins(id);
    this.#tell('added', node);
    await node.ready();
    this.#roster.allBegan();
    this.#writeFile();
    return { node: id, pid: node.pid!, adminUrl: node.adminUrl! };
  }

  /** Starts the process of a node that is to join, unless it runs, and has it and the others know each other. */
  async #begin(id: string): Promise<PeerAddress> {
    const running = this.#nodes.get(id);
    const known = running?.running === true ? this.#addresses.get(id) : undefined;
    if (!known) await running?.kill();
    const node = running && known ? running : this.#launch(id, 0, []);
    // One that has failed is on its way out: the next attempt must find it gone.
    const failed = (thrown: unknown) => node.kill().then(() => Promise.reject(thrown as Error));
    const address = known ?? (await node.listening().catch(failed));
    this.#acquaint(node, address);
    return address;
  }

  /** Has a node and all others know each other. */
  #acquaint(node: LocalNode, address: PeerAddress): void {
    this.#addresses.set(node.id, address);
    // Links are dialled by the node whose name sorts first, so both sides have to know before either asks.
    for (const other of this.#othersThan(node)) other.meet(address);
    node.introduce(this.#peersOf(node.id));
  }

  async #remove(id: string): Promise<void> {
    if (this.#roster.leaving !== id) await this.#finishLeaving();
    this.#roster.checkLeaving(id);
    const wasOpen = this.#roster.leaving === id;
    const node = this.#nodes.get(id);
    if (node) this.#roster.beginsLeaving(id);
    const hasLeft = await this.#drain(id);
    try {
      // Asked of the others, if there are any: this one may never hear that it is out.
      await this.#clientOf(() => this.#othersThan(node)).removeMember(id);
    } catch (thrown) {
      // It was removed before, and its process was not ended then.
      if (!node || !isTuttiError(thrown, 'TUTTI_NOT_A_MEMBER')) {
        if (!mayBeAgreed(thrown, wasOpen)) {
          this.#roster.stays();
          // In its next life it takes work again.
          if (hasLeft) await node?.kill();
        }
        throw thrown;
      }
    }
    this.#roster.leaves(id);
    this.#addresses.delete(id);
    if (!node) return;
    this.#nodes.delete(id);
    this.#tell('removed', node);
    await node.stop();
    this.#writeFile();
  }

  /** An addition that was begun, and of which it was not heard whether the group agreed. */
  async #finishJoining(): Promise<void> {
    const { joining } = this.#roster;
    if (joining) await this.#add(joining.node, joining.learner).catch(() => {});
  }

  /** A removal that was begun, and of which it was not heard whether the group agreed. */
  async #finishLeaving(): Promise<void> {
    const { leaving } = this.#roster;
    if (leaving !== undefined) await this.#remove(leaving).catch(() => {});
  }

  /**
   * A node that is about to go gives its work away first, while it can be asked to. One that does not answer loses it a
   * little later, when the others notice that it is gone; and one that nobody could take over from keeps it.
   * @returns whether it has
   */
  async #drain(id: string): Promise<boolean> {
    const client = this.client({ patienceMs: DRAIN_PATIENCE_MS });
    try {
      const { voters, learners } = (await client.cluster()).configuration;
      const isMember = [...voters, ...learners].some((member) => member === id);
      if (!isMember || voters.every((voter) => voter === id)) return false;
      await client.leave(id);
      return true;
    } catch {
      return false;
    }
  }

  /** The other nodes; of a node that is alone, itself. */
  #othersThan(node: LocalNode | undefined): LocalNode[] {
    const others = this.nodes().filter((other) => other !== node);
    return others.length > 0 ? others : this.nodes();
  }

  #tell(change: 'added' | 'removed', node: LocalNode): void {
    for (const listener of this.#listeners) listener(change, node);
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

  #launch(
    id: string,
    port: number,
    voters: readonly string[] = this.#roster.hasJoined(id) ? [] : this.#roster.founders,
  ): LocalNode {
    const { cluster, heartbeatMs, electionTimeoutMs, snapshotEntries, logLevel } = this.#options;
    const { clusterConfig = {} } = this.#options;
    const { lineage } = this.#roster;
    const config: NodeProcessConfig = {
      cluster,
      ...(lineage === undefined ? {} : { lineage }),
      node: id,
      directory: makeWritableFolder(join(this.directory, id), makePrivateDirectory),
      hadLog: this.#roster.hasBegun(id),
      voters,
      port,
      adminPort: 0,
      adminToken: this.#token,
      heartbeatMs,
      electionTimeoutMs,
      snapshotEntries,
      clusterConfig,
      logLevel,
    };
    const node = new LocalNode(config, this);
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
      nodes: this.nodes().flatMap(({ id, pid, adminUrl }) =>
        pid === undefined || adminUrl === undefined ? [] : [{ id, pid, adminUrl }],
      ),
    };
    replaceFile(join(this.directory, 'cluster.json'), `${JSON.stringify(file, undefined, 2)}\n`, 0o600);
  }

  #leaveDirectory(): void {
    rmSync(join(this.directory, 'cluster.json'), { force: true });
    this.#lock?.release();
    this.#lock = undefined;
  }
}
