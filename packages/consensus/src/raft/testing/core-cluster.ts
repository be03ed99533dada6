import {
  assert,
  type LogIndex,
  logIndex,
  nodeId,
  type Random,
  seededRandom,
  type Term,
  term,
} from '@tutti/kernel';
import type { RaftConfig } from '../config.ts';
import type { Entry, HardState, Membership, RaftMessage, SnapshotMeta } from '../messages.ts';
import type { RaftLog } from '../raft-log.ts';
import { RaftNode } from '../raft-node.ts';
import type { LogReversion, PersistBatch, ReadState, Ready } from '../ready.ts';

/** The least a disk can be: what was flushed, in arrays. */
export class CoreDisk implements RaftLog {
  hardState: HardState = { term: term(0), votedFor: undefined };
  #entries: Entry[] = [];
  #meta: SnapshotMeta | undefined;

  get firstIndex(): LogIndex {
    return logIndex((this.#meta?.index ?? 0) + 1);
  }

  get lastIndex(): LogIndex {
    return logIndex(this.firstIndex - 1 + this.#entries.length);
  }

  snapshot(): { meta: SnapshotMeta } | undefined {
    return this.#meta && { meta: this.#meta };
  }

  termAt(index: LogIndex): Term | undefined {
    if (index === (this.#meta?.index ?? 0)) return this.#meta?.term ?? term(0);
    return this.#entries[index - this.firstIndex]?.term;
  }

  entries(from: LogIndex, to: LogIndex, bytesMax: number): readonly Entry[] {
    const all = this.#entries.slice(from - this.firstIndex, to + 1 - this.firstIndex);
    let bytes = 0;
    const cut = all.findIndex((entry, i) => (bytes += entry.data.length) > bytesMax && i > 0);
    return cut < 0 ? all : all.slice(0, cut);
  }

  write(batch: PersistBatch): void {
    if (batch.hardState) this.hardState = batch.hardState;
    const first = batch.entries[0];
    if (!first) return;
    assert(first.index <= this.lastIndex + 1, 'a disk has no gaps');
    this.#entries.length = first.index - this.firstIndex;
    this.#entries.push(...batch.entries);
  }

  compact(meta: SnapshotMeta): void {
    this.#entries = this.#entries.filter((entry) => entry.index > meta.index);
    this.#meta = meta;
  }

  replaceBy(meta: SnapshotMeta): void {
    this.#entries = [];
    this.#meta = meta;
  }

  clear(): void {
    this.hardState = { term: term(0), votedFor: undefined };
    this.#entries = [];
    this.#meta = undefined;
  }

  /** Forgets this entry and all after it, as a drive does that lied about its flushes. */
  forgetFrom(index: number): void {
    this.#entries.length = Math.max(0, index - this.firstIndex);
  }

  all(): readonly Entry[] {
    return this.#entries;
  }
}

interface Flight {
  readonly batch: PersistBatch;
  readonly after: readonly RaftMessage[];
}

/** One core with the smallest driver: what it wrote, sent, applied and answered, flushed when the test says. */
export class CoreHost {
  core: RaftNode;
  readonly disk = new CoreDisk();
  /** Entries applied in this life and before; the disk of the state machine, so to say. */
  applied: Entry[] = [];
  reads: ReadState[] = [];
  lostReads: number[] = [];
  /** Peers that were to be sent a snapshot. */
  snapshotsTo: string[] = [];
  /** Peers that were found to have lost what they acknowledged. */
  reversions: LogReversion[] = [];
  /** Its disk is to be put right before it takes part again. */
  isDamaged = false;
  readonly #flights: Flight[] = [];
  readonly #outbox: RaftMessage[];
  readonly #make: () => RaftNode;

  constructor(outbox: RaftMessage[], make: (disk: CoreDisk) => RaftNode) {
    this.#outbox = outbox;
    this.#make = () => make(this.disk);
    this.core = this.#make();
  }

  get unflushed(): number {
    return this.#flights.length;
  }

  /** Does what the core wants, except for flushing. */
  drain(): Ready[] {
    const all: Ready[] = [];
    while (this.core.hasReady()) {
      const ready = this.core.ready();
      all.push(ready);
      this.#outbox.push(...ready.messages);
      if (ready.persist) this.#flights.push({ batch: ready.persist, after: ready.afterPersist });
      this.applied.push(...ready.committed);
      const last = ready.committed.at(-1);
      if (last) this.core.applied(last.index);
      this.reads.push(...ready.reads);
      this.lostReads.push(...ready.lostReads);
      this.snapshotsTo.push(...ready.snapshotsTo);
      this.reversions.push(...ready.reversions);
    }
    return all;
  }

  /** Completes the oldest write; false if there is none. */
  flushOne(): boolean {
    const flight = this.#flights.shift();
    if (!flight) return false;
    this.disk.write(flight.batch);
    this.#outbox.push(...flight.after);
    this.core.persisted(flight.batch.sequence);
    return true;
  }

  flush(): void {
    do this.drain();
    while (this.flushOne());
  }

  /** Loses everything that was not flushed, and begins a new life. */
  crash(): void {
    this.#flights.length = 0;
    this.applied = [];
    this.core = this.#make();
  }

  /** Loses what was flushed from this entry on as well, and knows nothing of it in its new life. */
  forget(index: number): void {
    this.disk.forgetFrom(index);
    this.crash();
  }

  /** Loses everything, and takes no part until {@link mend}. */
  wipe(): void {
    this.disk.clear();
    this.crash();
    this.isDamaged = true;
  }

  /** Begins a new life with a leader's log, in its term, with a vote for it. */
  mend({ core, disk }: CoreHost): void {
    this.disk.clear();
    const hardState = { term: core.term, votedFor: core.id };
    this.disk.write({ sequence: 0, hardState, entries: disk.all() });
    this.crash();
    this.isDamaged = false;
  }
}

interface CoreClusterOptions {
  readonly voters?: readonly string[];
  readonly learners?: readonly string[];
  readonly seed?: number;
  readonly config?: Partial<RaftConfig>;
  /** In which a node differs from the others, as while all of them are given another configuration one by one. */
  readonly configOf?: (name: string) => Partial<RaftConfig>;
}

/** Cores that speak through a bag of messages; the test decides what is delivered. */
export class CoreCluster {
  readonly messages: RaftMessage[] = [];
  /** What every core's monotonic clock shows, in milliseconds; moved by the test. */
  nowMs = 0;
  readonly hosts = new Map<string, CoreHost>();
  readonly membership: Membership;
  readonly #random: Random;
  readonly #configOf: (name: string) => Partial<RaftConfig>;

  constructor(options: CoreClusterOptions = {}) {
    const { voters = ['a', 'b', 'c'], learners = [], seed = 1, config = {}, configOf } = options;
    const random = seededRandom(seed);
    this.#random = random;
    this.#configOf = (name) => ({ ...config, ...configOf?.(name) });
    this.membership = { voters: voters.map(nodeId), learners: learners.map(nodeId) };
    for (const name of [...voters, ...learners]) this.add(name, this.membership);
  }

  /** A node that is not in any configuration yet, unless one is given. */
  add(name: string, membership: Membership = { voters: [], learners: [] }): CoreHost {
    const source = this.#random.fork(name);
    const make = (disk: CoreDisk) =>
      new RaftNode({
        id: nodeId(name),
        config: this.#configOf(name),
        random: source,
        now: () => this.nowMs,
        hardState: disk.hardState,
        membership: disk.snapshot()?.meta.membership ?? membership,
        log: disk,
      });
    const host = new CoreHost(this.messages, make);
    this.hosts.set(name, host);
    return host;
  }

  host(name: string): CoreHost {
    const host = this.hosts.get(name);
    assert(host, 'the test names a member');
    return host;
  }

  core(name: string): RaftNode {
    return this.host(name).core;
  }

  /** Flushes and delivers until nothing moves; messages for which `lose` holds are dropped. */
  settle(lose: (message: RaftMessage) => boolean = () => false): void {
    for (let round = 0; round < 1000; round++) {
      for (const host of this.hosts.values()) host.flush();
      if (this.messages.length === 0) return;
      for (const message of this.messages.splice(0)) {
        if (!lose(message)) this.hosts.get(message.to)?.core.step(message);
      }
    }
    assert(false, 'a cluster comes to rest');
  }

  /** Settles with these nodes cut off from all others. */
  settleWithout(...cutOff: string[]): void {
    this.settle(
      (message) =>
        cutOff.includes(message.from) !== cutOff.includes(message.to) || cutOff.includes(message.to),
    );
  }

  tick(name: string, times = 1): void {
    for (let i = 0; i < times; i++) this.core(name).tick();
  }

  /** Makes `name` the leader, however often it has to ask. */
  elect(name: string): RaftNode {
    for (let i = 0; i < 10 && this.core(name).role !== 'leader'; i++) {
      for (const [other, host] of this.hosts) {
        if (other !== name) this.tick(other, 10);
        host.flush();
      }
      this.messages.length = 0;
      this.core(name).campaign();
      this.settle();
    }
    assert(this.core(name).role === 'leader', 'the node was elected');
    return this.core(name);
  }

  leaders(): RaftNode[] {
    return [...this.hosts.values()].map((host) => host.core).filter((core) => core.role === 'leader');
  }
}

/** Bytes for a proposal. */
export const command = (text: string): Uint8Array => new TextEncoder().encode(text);
/** A proposal's bytes as they were written. */
export const shown = (entry: Entry): string => new TextDecoder().decode(entry.data);
