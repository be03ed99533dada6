import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { nodeId, type PeerAddress } from '@tutti/kernel';
import { generateKeyPair, type KeyPair } from '@tutti/transport';
import { benchDisk } from '../../harness/bench-disk.ts';
import { FleetProcess } from '../../harness/fleet.ts';
import { sleep } from '../../harness/load.ts';
import { freePort } from '../erlang/distribution.ts';
import { LinkRelay } from './link-relay.ts';

const NAMES = ['n1', 'n2', 'n3'];
const POLL_MS = 10;

/** What a node's process is told first. */
export interface NodeConfig {
  readonly name: string;
  readonly voters: readonly string[];
  readonly directory: string;
  readonly port: number;
  /** Of a node that starts later, and that the others have to know from the beginning. */
  readonly keys?: KeyPair;
}

export interface ClusterNode {
  process: FleetProcess;
  config: NodeConfig;
  address: PeerAddress;
}

/**
 * Some of three voters in processes of their own, logs on disk. Their module serves `listen` with a
 * {@link NodeConfig}, `join` with the other addresses, and `upCount`.
 */
export class NodeCluster {
  readonly nodes: ClusterNode[] = [];
  readonly #module: URL;
  readonly #folder = mkdtempSync(join(benchDisk(), 'tutti-bench-nodes-'));
  /** By `from to`: what stands on the way of the calls of one node to another, if links are to be cut. */
  readonly #relays: Map<string, LinkRelay> | undefined;
  /** Voters that start later, where the others will find them. */
  readonly #later: { readonly config: NodeConfig; readonly address: PeerAddress }[] = [];

  /** @param module What every node runs. @param isRelayed Whether links can be cut. */
  constructor(module: URL, isRelayed = false) {
    this.#module = module;
    this.#relays = isRelayed ? new Map() : undefined;
  }

  /** Starts the first `count` of the three voters, and resolves when they are a cluster. */
  async start(count = NAMES.length): Promise<void> {
    for (const name of NAMES.slice(count)) this.#later.push(await this.#reserve(name));
    await Promise.all(NAMES.slice(0, count).map((name) => this.#launch(this.#configOf(name))));
    this.nodes.sort((a, b) => a.config.name.localeCompare(b.config.name));
    await Promise.all(this.nodes.map((node) => this.#join(node)));
    await this.#untilUp(count);
  }

  /** Starts the next voter; resolves when it is a member. */
  async grow(): Promise<ClusterNode> {
    const node = await this.#launch(this.#later.shift()!.config);
    await this.#join(node);
    await this.#untilUp(this.nodes.length);
    return node;
  }

  get first(): ClusterNode {
    return this.nodes[0]!;
  }

  /** Starts a node that was killed or stopped in its old place; resolves when it takes part. */
  async restart(node: ClusterNode): Promise<void> {
    node.process = new FleetProcess(this.#module, ['--expose-gc']);
    node.config = { ...node.config, port: Number(new URL(node.address.url).port) };
    node.address = await node.process.call<PeerAddress>('listen', node.config);
    await this.#join(node);
  }

  /** Cuts a node off from the others, silently, until the function that it gives is called. */
  isolate(node: ClusterNode): () => void {
    const { name } = node.config;
    const cut = [...this.#relays!].flatMap(([way, relay]) => (way.split(' ').includes(name) ? [relay] : []));
    for (const relay of cut) relay.cut();
    return () => cut.forEach((relay) => relay.heal());
  }

  async end(): Promise<void> {
    await Promise.all(this.nodes.map(({ process }) => process.kill()));
    for (const relay of this.#relays?.values() ?? []) relay.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #configOf(name: string): NodeConfig {
    const directory = join(this.#folder, name);
    mkdirSync(directory);
    return { name, voters: NAMES, directory, port: 0 };
  }

  async #reserve(name: string): Promise<{ config: NodeConfig; address: PeerAddress }> {
    const keys = generateKeyPair();
    const config = { ...this.#configOf(name), port: await freePort(), keys };
    const url = `ws://127.0.0.1:${config.port}`;
    return { config, address: { nodeId: nodeId(name), url, publicKey: keys.publicKey } };
  }

  async #launch(config: NodeConfig): Promise<ClusterNode> {
    const process = new FleetProcess(this.#module, ['--expose-gc']);
    const node = { process, config, address: await process.call<PeerAddress>('listen', config) };
    this.nodes.push(node);
    return node;
  }

  async #join(node: ClusterNode): Promise<void> {
    const others = this.nodes.filter((other) => other !== node);
    const addresses = await Promise.all(others.map((other) => this.#wayTo(node, other)));
    await node.process.call('join', [...addresses, ...this.#later.map(({ address }) => address)]);
  }

  async #wayTo(from: ClusterNode, to: ClusterNode): Promise<PeerAddress> {
    if (!this.#relays) return to.address;
    const way = `${from.config.name} ${to.config.name}`;
    const relay = this.#relays.get(way) ?? (await LinkRelay.open(Number(new URL(to.address.url).port)));
    this.#relays.set(way, relay);
    return { ...to.address, url: relay.url };
  }

  async #untilUp(count: number): Promise<void> {
    while ((await this.first.process.call<number>('upCount')) < count) await sleep(POLL_MS);
  }
}
