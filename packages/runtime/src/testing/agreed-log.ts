import type {
  ApplyContext,
  Consensus,
  ConsensusStatus,
  ModuleWatcher,
  ProposeOptions,
  ReplicatedModule,
} from '@tutti/consensus';
import {
  canonicalJson,
  isTuttiError,
  type LogIndex,
  logIndex,
  mustBePlain,
  type NodeId,
  type Timer,
  TuttiError,
  term,
  type WireValue,
} from '@tutti/kernel';
import type { FaultyHost } from './faulty-host.ts';
import type { MemoryNetwork } from './memory-network.ts';

interface Entry {
  readonly module: string;
  readonly command: string;
  readonly timeMs: number;
}

/** How long the others wait for a silent leader, and a leader for a silent majority. */
const ELECTION_MS = 200;
const RETRY_MS = 20;
const STEP_MS_MAX = 3;

/**
 * Agreement as an oracle: one list that all nodes read, so that what is above consensus can be tested without it. It
 * is as unhelpful as the contract allows: only a leader with a majority extends the list, nodes that are cut off do
 * not see it grow, each applies at its own pace, a proposal may be acknowledged before the own node has applied it,
 * and it may have been taken although its proposer gave up.
 */
export class AgreedLog {
  readonly network: MemoryNetwork;
  readonly voters: readonly NodeId[];
  readonly entries: Entry[] = [];
  readonly ports = new Map<NodeId, AgreedPort>();
  leader: NodeId | undefined;
  termNumber = 0;
  #leaderGoneAt: number | undefined;

  constructor(network: MemoryNetwork, voters: readonly NodeId[]) {
    this.network = network;
    this.voters = voters;
    this.#watch();
  }

  /** The end of one life of a node. */
  port(nodeId: NodeId, host: FaultyHost): AgreedPort {
    const port = new AgreedPort(this, nodeId, host);
    this.ports.set(nodeId, port);
    return port;
  }

  isConnected(a: NodeId, b: NodeId): boolean {
    const running = (node: NodeId) => {
      const port = this.ports.get(node);
      return port !== undefined && port.isRunning && port.host.isRunning;
    };
    return running(a) && running(b) && (a === b || this.network.reaches(a, b));
  }

  hasMajority(node: NodeId): boolean {
    return this.voters.filter((other) => this.isConnected(node, other)).length * 2 > this.voters.length;
  }

  append(module: string, command: string): number {
    const last = this.entries.at(-1)?.timeMs ?? 0;
    this.entries.push({ module, command, timeMs: Math.max(last, Math.floor(this.network.clock.wallTime())) });
    for (const port of this.ports.values()) port.pull();
    return this.entries.length;
  }

  #watch(): void {
    const now = this.network.clock.now();
    if (this.leader !== undefined && this.hasMajority(this.leader)) this.#leaderGoneAt = undefined;
    else this.#leaderGoneAt ??= now;
    if (this.#leaderGoneAt !== undefined && now - this.#leaderGoneAt >= (this.leader ? ELECTION_MS : 0))
      this.#elect();
    for (const port of this.ports.values()) port.pull();
    this.network.clock.setTimer(RETRY_MS, () => this.#watch());
  }

  #elect(): void {
    const able = this.voters.filter((node) => this.hasMajority(node));
    if (able.length > 0) this.lead(this.network.random.pick(able));
  }

  /** From now on this node leads. */
  lead(node: NodeId): void {
    this.leader = node;
    this.termNumber++;
    this.#leaderGoneAt = undefined;
    for (const port of this.ports.values()) port.statusChanged();
  }
}

export class AgreedPort implements Consensus {
  readonly nodeId: NodeId;
  readonly host: FaultyHost;
  readonly #log: AgreedLog;
  readonly #modules = new Map<string, ReplicatedModule>();
  readonly #watchers = new Map<string, Set<ModuleWatcher>>();
  readonly #listeners = new Set<(status: ConsensusStatus) => void>();
  readonly #waiters: { index: number; resolve: () => void }[] = [];
  #applied = 0;
  #pulling: Timer | undefined;
  isRunning = false;

  constructor(log: AgreedLog, nodeId: NodeId, host: FaultyHost) {
    this.#log = log;
    this.nodeId = nodeId;
    this.host = host;
  }

  register(module: ReplicatedModule): void {
    if (this.#modules.has(module.name))
      throw new TuttiError('TUTTI_MODULE_DUPLICATE', { module: module.name });
    this.#modules.set(module.name, module);
  }

  start(): Promise<void> {
    this.isRunning = true;
    this.pull();
    return Promise.resolve();
  }

  async propose(module: string, command: WireValue, options: ProposeOptions = {}): Promise<WireValue> {
    mustBePlain(command);
    const encoded = canonicalJson(command);
    const outcome = await this.#atLeader(options, module, () => {
      const index = this.#log.append(module, encoded);
      return { index, outcome: () => this.#outcome(index) };
    });
    if (isTuttiError(outcome)) throw outcome;
    return outcome;
  }

  async readBarrier(options: ProposeOptions = {}): Promise<LogIndex> {
    const index = (await this.#atLeader(options, 'A read barrier', () => {
      const at = this.#log.entries.length;
      return { index: at, outcome: () => at };
    })) as number;
    await this.#appliedUpTo(index);
    return logIndex(index);
  }

  transferLeadership(target?: NodeId): Promise<NodeId> {
    const to = target ?? this.#log.voters.find((node) => node !== this.nodeId && this.#log.hasMajority(node));
    if (this.#log.leader !== this.nodeId || to === undefined || !this.#log.hasMajority(to)) {
      const details = { target: to ?? 'another node', why: 'cannot be reached' };
      return Promise.reject(new TuttiError('TUTTI_TRANSFER_TARGET_LOST', details));
    }
    this.#log.lead(to);
    return Promise.resolve(to);
  }

  status(): ConsensusStatus {
    const { leader, termNumber, entries } = this.#log;
    const applied = logIndex(this.#applied);
    return {
      nodeId: this.nodeId,
      role: !this.isRunning ? 'stopped' : leader === this.nodeId ? 'leader' : 'follower',
      term: term(termNumber),
      leader,
      commitIndex: applied,
      appliedIndex: applied,
      lastIndex: logIndex(entries.length),
      voters: this.#log.voters,
      membership: {
        voters: this.#log.voters,
        learners: [],
        outgoing: [],
        promotable: [],
        contacts: {},
        index: logIndex(0),
        isJoint: false,
        isCommitted: true,
        standing: 'voter',
      },
      snapshotIndex: logIndex(0),
    };
  }

  onStatus(listener: (status: ConsensusStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  statusChanged(): void {
    this.host.nextTurn(() => {
      for (const listener of this.#listeners) listener(this.status());
    });
  }

  watch(module: string, watcher: ModuleWatcher): () => void {
    let watchers = this.#watchers.get(module);
    if (!watchers) this.#watchers.set(module, (watchers = new Set()));
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  }

  stop(): Promise<void> {
    this.isRunning = false;
    return Promise.resolve();
  }

  /** Goes on applying, if this node can see the leader. */
  pull(): void {
    if (this.#pulling || !this.isRunning || this.#applied >= this.#log.entries.length) return;
    this.#pulling = this.host.setTimer(this.#delayMs(), () => {
      this.#pulling = undefined;
      const { leader, entries } = this.#log;
      if (leader === undefined || !this.#log.isConnected(this.nodeId, leader)) return;
      const upTo = entries.length;
      while (this.#applied < upTo) this.#apply(entries[this.#applied]!);
      this.pull();
    });
  }

  #delayMs(): number {
    return this.#log.network.random.integer(0, STEP_MS_MAX);
  }

  /** Tries until the leader can be reached, then has `act` happen there, and brings back what came of it. */
  #atLeader(
    options: ProposeOptions,
    what: string,
    act: () => { index: number; outcome: () => unknown },
  ): Promise<unknown> {
    const { timeoutMs = 10_000, signal } = options;
    const deadline = this.host.now() + timeoutMs;
    const when = `within ${timeoutMs} ms`;
    return new Promise((resolve, reject) => {
      const attempt = () => {
        if (!this.isRunning) return reject(new TuttiError('TUTTI_CLOSED', { what: 'This replica' }));
        if (signal?.aborted) return reject(new TuttiError('TUTTI_ABORTED', { what }));
        if (this.host.now() > deadline)
          return reject(new TuttiError('TUTTI_OUTCOME_UNKNOWN', { what, when }));
        const { leader } = this.#log;
        if (
          leader === undefined ||
          !this.#log.isConnected(this.nodeId, leader) ||
          !this.#log.hasMajority(leader)
        ) {
          this.host.setTimer(RETRY_MS, attempt);
          return;
        }
        const { outcome } = act();
        this.host.setTimer(this.#delayMs(), () => {
          // Cut off meanwhile: it was taken, and the answer is lost.
          if (this.#log.isConnected(this.nodeId, leader)) resolve(outcome());
          else reject(new TuttiError('TUTTI_OUTCOME_UNKNOWN', { what, when }));
        });
      };
      this.host.setTimer(this.#delayMs(), attempt);
    });
  }

  /** What the entry came to, from whichever node has applied it; the first to ask makes its own do so. */
  #outcome(index: number): unknown {
    while (this.#applied < index) this.#apply(this.#log.entries[this.#applied]!);
    return this.#outcomes.get(index);
  }

  readonly #outcomes = new Map<number, unknown>();

  #appliedUpTo(index: number): Promise<void> {
    if (this.#applied >= index) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiters.push({ index, resolve });
      this.pull();
    });
  }

  #apply(entry: Entry): void {
    const index = ++this.#applied;
    const context: ApplyContext = { index: logIndex(index), timeMs: entry.timeMs };
    const command: unknown = JSON.parse(entry.command);
    let outcome: unknown;
    try {
      outcome = this.#modules.get(entry.module)!.apply(command, context);
    } catch (thrown) {
      if (!isTuttiError(thrown)) throw thrown;
      outcome = thrown;
    }
    this.#outcomes.set(index, outcome);
    for (const watcher of Array.from(this.#watchers.get(entry.module) ?? []))
      watcher.applied?.(command, outcome, context);
    for (const waiter of this.#waiters.splice(0)) {
      if (waiter.index <= this.#applied) waiter.resolve();
      else this.#waiters.push(waiter);
    }
  }
}
