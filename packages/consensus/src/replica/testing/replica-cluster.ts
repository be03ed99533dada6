import {
  assert,
  clusterId,
  incarnation,
  type NodeId,
  nodeId,
  seededRandom,
  TuttiError,
  VirtualClock,
  type WireValue,
} from '@tutti/kernel';
import type { ApplyContext, MembershipStatus, ProposeOptions, ReplicatedModule } from '../../consensus.ts';
import type { MembershipChange } from '../../raft/membership-change.ts';
import { MemoryLogStore } from '../../storage/memory-log-store.ts';
import { Replica } from '../replica.ts';
import type { ReplicaConfig } from '../replica-options.ts';
import { VirtualNetwork } from './virtual-network.ts';

/** Counts by name and remembers the order of everything it applied. Refuses negative amounts. */
export class CounterModule implements ReplicatedModule {
  readonly name: string;
  counts: Record<string, number> = {};
  history: string[] = [];
  times: number[] = [];

  constructor(name = 'counter') {
    this.name = name;
  }

  apply(command: WireValue, context: ApplyContext): WireValue {
    const { add, by } = command as { add: string; by: number };
    if (by < 0) throw new TuttiError('TUTTI_DURATION_INVALID', { value: by });
    if (add === 'defect') throw new TypeError('a defect of the module');
    this.history.push(add);
    this.times.push(context.timeMs);
    return (this.counts[add] = (this.counts[add] ?? 0) + by);
  }

  *snapshot(): Generator {
    const counts = { ...this.counts };
    const history = [...this.history];
    yield { counts };
    for (let at = 0; at < history.length; at += 100) yield { history: history.slice(at, at + 100) };
  }

  restore(parts: Iterable<WireValue>): void {
    this.history = [];
    for (const part of parts as Iterable<{ counts?: Record<string, number>; history?: string[] }>) {
      if (part.counts) this.counts = part.counts;
      if (part.history) this.history.push(...part.history);
    }
  }
}

/** A node of the test cluster over its lives. */
export interface TestNode {
  readonly id: NodeId;
  readonly store: MemoryLogStore;
  replica: Replica;
  counter: CounterModule;
  lives: number;
  failure: Error | undefined;
}

const optionsOf = (timeoutMs: number | undefined, signal: AbortSignal | undefined): ProposeOptions => ({
  ...(timeoutMs !== undefined && { timeoutMs }),
  ...(signal && { signal }),
});

/** What became of a call, filled in when it ends. */
export interface Call {
  done: boolean;
  failure: Error | undefined;
  result: WireValue;
}

/** Replicas with stores in memory on one virtual clock. Nothing happens but by {@link run}. */
export class ReplicaCluster {
  readonly clock = new VirtualClock();
  readonly network = new VirtualNetwork(this.clock);
  readonly nodes: TestNode[] = [];
  /** Whether later lives of a node have the incarnation and the seed of its first. */
  livesAlike = false;
  readonly #voters: readonly NodeId[];
  readonly #learners: readonly NodeId[];
  readonly #config: (id: NodeId) => ReplicaConfig;
  readonly #seed: number;
  readonly #strangers = new Set<NodeId>();
  /** What each node reported to its owner, in order. */
  readonly memberships: (readonly [NodeId, MembershipStatus])[] = [];

  /** What a node has beside its counter, asked at each of its starts. */
  modulesOf: (id: NodeId) => readonly ReplicatedModule[] = () => [];

  /** @param config Of every node, or of each its own. */
  constructor(
    size: number,
    config: ReplicaConfig | ((id: NodeId) => ReplicaConfig) = {},
    learners = 0,
    seed = 1,
  ) {
    const ids = Array.from({ length: size + learners }, (_, i) => nodeId(`n${i + 1}`));
    this.#voters = ids.slice(0, size);
    this.#learners = ids.slice(size);
    this.#config = typeof config === 'function' ? config : () => config;
    this.#seed = seed;
    for (const id of ids) {
      const store = new MemoryLogStore(this.clock);
      this.nodes.push({ id, store, lives: 0, failure: undefined, ...this.#life(id, store, 1, () => {}) });
    }
  }

  /** A node that belongs to no group yet; its store is empty. */
  add(name: string): TestNode {
    const id = nodeId(name);
    const store = new MemoryLogStore(this.clock);
    this.#strangers.add(id);
    const node = { id, store, lives: 0, failure: undefined, ...this.#life(id, store, 1, () => {}) };
    this.nodes.push(node);
    this.start(node);
    return node;
  }

  /** Starts a change of the membership at `node`. */
  change(node: TestNode, change: MembershipChange, timeoutMs?: number, signal?: AbortSignal): Call {
    const call: Call = { done: false, failure: undefined, result: undefined };
    node.replica.changeMembershipWith(change, optionsOf(timeoutMs, signal), (failure) =>
      Object.assign(call, { done: true, failure, result: node.replica.status().membership }),
    );
    return call;
  }

  #life(id: NodeId, store: MemoryLogStore, lives: number, onFailStop: (failure: Error) => void) {
    const life = this.livesAlike ? 1 : lives;
    const replica = new Replica({
      clusterId: clusterId('test'),
      nodeId: id,
      incarnation: incarnation(life),
      voters: this.#strangers.has(id) ? [] : this.#voters,
      learners: this.#strangers.has(id) ? [] : this.#learners,
      onMembership: (membership) => this.memberships.push([id, membership]),
      clock: this.clock,
      random: seededRandom(this.#seed * 10_000 + life * 100 + Number(id.slice(1))),
      transport: this.network.attach(id),
      store,
      config: this.#config(id),
      onFailStop,
    });
    const counter = new CounterModule();
    replica.register(counter);
    for (const module of this.modulesOf(id)) replica.register(module);
    return { replica, counter };
  }

  /** Starts a node, in a new life if it ran before; its store is what it was. */
  start(node: TestNode): void {
    node.lives++;
    Object.assign(
      node,
      this.#life(node.id, node.store, node.lives, (failure) => (node.failure = failure)),
    );
    node.failure = undefined;
    node.replica.startWith((failure) => (node.failure = failure));
  }

  startAll(): void {
    for (const node of this.nodes) this.start(node);
  }

  /** Takes the process away. Its store is closed, as a dead process's files are. */
  crash(node: TestNode): void {
    node.replica.crash();
    this.network.detach(node.id);
    node.store.close(() => {});
  }

  run(ms: number): void {
    this.clock.advance(ms);
  }

  /** Runs until the condition holds, and asserts that it does within a virtual minute. */
  until(what: string, condition: () => boolean, limitMs = 60_000): void {
    const end = this.clock.now() + limitMs;
    while (!condition()) assert(this.clock.now() < end && this.clock.step(), `in time: ${what}`);
  }

  leader(): TestNode | undefined {
    const leaders = this.nodes.filter((node) => node.replica.status().role === 'leader');
    return leaders.toSorted((a, b) => b.replica.status().term - a.replica.status().term)[0];
  }

  electLeader(): TestNode {
    this.until('a leader', () => {
      const leader = this.leader();
      return leader !== undefined && leader.replica.status().commitIndex >= 1;
    });
    return this.leader()!;
  }

  followers(): TestNode[] {
    const leader = this.leader();
    return this.nodes.filter((node) => node !== leader);
  }

  propose(node: TestNode, add: string, by = 1, timeoutMs?: number, signal?: AbortSignal): Call {
    return this.proposeTo('counter', node, { add, by }, optionsOf(timeoutMs, signal));
  }

  /** Proposes to another module than the counter of all nodes. */
  proposeTo(module: string, node: TestNode, command: WireValue, options: ProposeOptions = {}): Call {
    const call: Call = { done: false, failure: undefined, result: undefined };
    node.replica.proposeWith(module, command, options, (failure, result) =>
      Object.assign(call, { done: true, failure, result }),
    );
    return call;
  }

  read(node: TestNode): Call {
    const call: Call = { done: false, failure: undefined, result: undefined };
    node.replica.readBarrierWith(undefined, (failure, result) =>
      Object.assign(call, { done: true, failure, result }),
    );
    return call;
  }
}
