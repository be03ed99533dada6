import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConsensusStatus, ReplicaConfig } from '@tutti/consensus';
import type { PeerAddress } from '@tutti/kernel';
import { generateKeyPair } from '@tutti/transport';
import { FleetProcess } from '../../bench/harness/fleet.ts';
import { type Direction, FaultyLink } from './faulty-link.ts';
import type { Answer, Request } from './operating.ts';
import type { RegisterRecord } from './register-module.ts';
import type { Members, NodeConfig } from './register-node.ts';

const MODULE = new URL('./register-node.ts', import.meta.url);
export const NAMES = ['n1', 'n2', 'n3', 'n4', 'n5'] as const;
/** How long a node may take to say what it is doing; one that is stopped says nothing. */
const STATUS_PATIENCE_MS = 250;

export interface FiveNodesOptions {
  readonly seed: number;
  readonly replica?: ReplicaConfig;
}

interface Node {
  process: FleetProcess;
  config: NodeConfig;
  address: PeerAddress;
  isUp: boolean;
  isPaused: boolean;
}

/** Five voters in five processes on this machine, every pair of which is linked through a relay that can misbehave. */
export class FiveNodes {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tutti-histories-'));
  readonly #options: FiveNodesOptions;
  readonly #nodes = new Map<string, Node>();
  /** By the names of both ends, the one that dials first: it is the one that sorts first. */
  readonly #links = new Map<string, FaultyLink>();

  private constructor(options: FiveNodesOptions) {
    this.#options = options;
  }

  static async start(options: FiveNodesOptions): Promise<FiveNodes> {
    const cluster = new FiveNodes(options);
    await Promise.all(NAMES.map((name) => cluster.#create(name)));
    for (const dialler of NAMES)
      for (const acceptor of NAMES)
        if (dialler < acceptor)
          cluster.#links.set(`${dialler} ${acceptor}`, await FaultyLink.open(cluster.#port(acceptor)));
    await Promise.all(NAMES.map((name) => cluster.#join(name)));
    return cluster;
  }

  async #create(name: string): Promise<void> {
    const { seed, replica = {} } = this.#options;
    const directory = join(this.#folder, name);
    const keys = generateKeyPair();
    const config = { name, voters: NAMES, directory, life: 1, seed, keys, replica };
    const process = new FleetProcess(MODULE);
    const address = await process.call<PeerAddress>('open', config);
    this.#nodes.set(name, { process, config, address, isUp: true, isPaused: false });
  }

  #join(name: string): Promise<void> {
    const peers = NAMES.filter((other) => other !== name).map((other): PeerAddress => {
      const { address } = this.#node(other);
      return name < other ? { ...address, url: this.#links.get(`${name} ${other}`)!.url } : address;
    });
    return this.#node(name).process.call('start', peers);
  }

  #node(name: string): Node {
    return this.#nodes.get(name)!;
  }

  #port(name: string): number {
    return Number(new URL(this.#node(name).address.url).port);
  }

  /** The nodes that were not killed, as their clients know them: one that is stopped is among them. */
  up(): string[] {
    return NAMES.filter((name) => this.#node(name).isUp);
  }

  /** Nodes that neither were killed nor are stopped. */
  awake(): string[] {
    return this.up().filter((name) => !this.#node(name).isPaused);
  }

  async kill(name: string): Promise<void> {
    const node = this.#node(name);
    node.isUp = false;
    await node.process.kill();
  }

  /** Starts a killed node again, from what it has on its disk. */
  async restart(name: string): Promise<void> {
    const node = this.#node(name);
    node.process = new FleetProcess(MODULE);
    node.config = { ...node.config, life: node.config.life + 1 };
    node.address = await node.process.call<PeerAddress>('open', node.config);
    for (const [ends, link] of this.#links) if (ends.endsWith(` ${name}`)) link.target = this.#port(name);
    await this.#join(name);
    node.isUp = true;
  }

  pause(name: string): void {
    this.#node(name).isPaused = true;
    this.#node(name).process.pause();
  }

  resume(name: string): void {
    this.#node(name).process.resume();
    this.#node(name).isPaused = false;
  }

  /** The way from one node to another. */
  way(from: string, to: string): { readonly link: FaultyLink; readonly direction: Direction } {
    const link = this.#links.get(from < to ? `${from} ${to}` : `${to} ${from}`)!;
    return { link, direction: from < to ? 'toAcceptor' : 'toDialler' };
  }

  links(): FaultyLink[] {
    return [...this.#links.values()];
  }

  /** Blocks the main thread of a node; resolves when it is over. */
  block(name: string, durationMs: number): Promise<number> {
    return this.#node(name).process.call<number>('block', durationMs);
  }

  operate(name: string, request: Request): Promise<Answer> {
    return this.#node(name).process.call<Answer>('operate', request);
  }

  async status(name: string): Promise<ConsensusStatus | undefined> {
    const asked = this.#node(name)
      .process.call<ConsensusStatus>('status')
      .catch(() => undefined);
    return await Promise.race([asked, after(STATUS_PATIENCE_MS)]);
  }

  /** The node that leads in the highest term, by its own word. */
  async leader(): Promise<string | undefined> {
    const statuses = await Promise.all(this.awake().map((name) => this.status(name)));
    const leaders = statuses.filter((status) => status?.role === 'leader');
    return leaders.sort((a, b) => b!.term - a!.term)[0]?.nodeId;
  }

  /** Asks the leader to hand over to another node. It may fail for many reasons, and none of them matters here. */
  transfer(leader: string, target: string): void {
    this.#node(leader)
      .process.call('transfer', target)
      .catch(() => {});
  }

  /** Asks a node to have the members changed; as with {@link transfer}, whatever comes of it. */
  async change(at: string, members: Members): Promise<void> {
    await this.#node(at)
      .process.call('change', members)
      .catch(() => {});
  }

  /** What the registers hold at one node, once it has heard of everything that was acknowledged. */
  records(name: string): Promise<RegisterRecord[]> {
    return this.#node(name).process.call<RegisterRecord[]>('records');
  }

  /** Ends the processes and removes their logs. */
  async end(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map(({ process }) => process.kill()));
    await Promise.all(this.links().map((link) => link.close()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Resolves with nothing when the time is up. */
export function after(durationMs: number): Promise<undefined> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(undefined), durationMs);
  });
}
