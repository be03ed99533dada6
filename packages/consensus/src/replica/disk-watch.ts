import { TuttiError } from '@tutti/kernel';
import type { LogStore, SnapshotWriter } from '../storage/log-store.ts';
import type { ReplicaConfig } from './replica-options.ts';

/** Election timeouts for which a node without space leaves it to others to lead. */
const YIELD_TIMEOUTS = 8;

/** What a disk watch may do to its replica. */
export interface DiskWatchPorts {
  /** Whether this node may lead; while it may not, it neither leads nor campaigns. */
  readonly mayLead: (yes: boolean) => void;
  readonly warn: (what: string) => void;
}

/**
 * Watches everything that was handed to the disk and has not come back. It counts ticks, not time: while this node's
 * own loop stands still, nothing can come back, and that is not the disk's fault.
 *
 * A disk that lets something wait for an election timeout is sick: its node leads no more, whatever its heartbeats say,
 * and does not campaign until a test write has come back in that time (hashicorp/raft 503 and 614 are what happens
 * otherwise). It goes on as a follower, which promises nothing before it is durable, and heals by itself. Only a disk
 * that stays hung for `flushTimeoutMs` is given up.
 */
export class DiskWatch {
  readonly #store: LogStore;
  readonly #ports: DiskWatchPorts;
  readonly #sickTicks: number;
  readonly #hungTicks: number;
  readonly #flushTimeoutMs: number;
  /** The tick at which each operation under way began, oldest first. */
  readonly #underWay = new Set<{ readonly since: number }>();
  #ticks = 0;
  #sick = false;
  #testing = false;
  #full = false;
  /** Until when a node without space leaves it to others to lead. */
  #yieldUntil = 0;

  constructor(
    store: LogStore,
    { flushTimeoutMs, tickMs, electionTicks }: Required<ReplicaConfig>,
    ports: DiskWatchPorts,
  ) {
    this.#store = store;
    this.#ports = ports;
    this.#sickTicks = electionTicks;
    this.#hungTicks = Math.ceil(flushTimeoutMs / tickMs);
    this.#flushTimeoutMs = flushTimeoutMs;
  }

  /** Whether the log may grow: false while the disk is full. */
  get hasRoom(): boolean {
    return !this.#full;
  }

  /** A tick has passed. @returns why the disk must be given up, if it must */
  tick(): TuttiError | undefined {
    this.#ticks++;
    const [oldest] = this.#underWay;
    const age = oldest ? this.#ticks - oldest.since : 0;
    // What waits for space is not lost with its disk.
    if (age >= this.#hungTicks && !this.#full)
      return new TuttiError('TUTTI_STORE_HUNG', { waitedMs: this.#flushTimeoutMs });
    if (age >= this.#sickTicks) this.#becomeSick();
    else if (this.#sick && !oldest && !this.#testing) this.#test();
    if (!oldest) this.#store.settle?.();
    this.#watchSpace();
    return undefined;
  }

  /**
   * A leader without space lets others lead, for a while: they may have some. If nobody takes over, it may lead again,
   * and refuses commands; reads are answered then.
   */
  #watchSpace(): void {
    const full = this.#store.checkRoom?.() === false;
    if (full !== this.#full) {
      this.#full = full;
      this.#yieldUntil = this.#ticks + YIELD_TIMEOUTS * this.#sickTicks;
      this.#ports.warn(
        full ? 'The disk is full; no more commands are taken' : 'There is space on the disk again',
      );
      this.#judge();
    }
    if (full && this.#ticks === this.#yieldUntil) this.#judge();
  }

  #becomeSick(): void {
    if (this.#sick) return;
    this.#sick = true;
    this.#ports.warn(
      'The disk lets writes wait; this node neither leads nor campaigns until it has recovered',
    );
    this.#judge();
  }

  #judge(): void {
    const yields = this.#full && this.#ticks < this.#yieldUntil;
    this.#ports.mayLead(!this.#sick && !yields);
  }

  /** Writes nothing, flushes it, and sees how long that takes. */
  #test(): void {
    this.#testing = true;
    const began = this.#ticks;
    const ended = this.#begin();
    this.#store.append({ hardState: undefined, entries: [] }, (failure) => {
      ended();
      this.#testing = false;
      if (failure || this.#ticks - began >= this.#sickTicks) return;
      this.#sick = false;
      this.#ports.warn('The disk has recovered: a test write came back in time');
      this.#judge();
    });
  }

  #begin(): () => void {
    const operation = { since: this.#ticks };
    this.#underWay.add(operation);
    return () => void this.#underWay.delete(operation);
  }

  /** Wraps the callback of an operation that begins now. */
  #watched<T extends unknown[]>(done: (...outcome: T) => void): (...outcome: T) => void {
    const ended = this.#begin();
    return (...outcome) => {
      ended();
      done(...outcome);
    };
  }

  /** The store, with all that it writes watched. */
  watchedStore(): LogStore {
    const store = this.#store;
    return {
      get firstIndex() {
        return store.firstIndex;
      },
      get lastIndex() {
        return store.lastIndex;
      },
      open: (done) => store.open(done),
      checkRoom: () => store.checkRoom?.() !== false,
      append: (write, done) => store.append(write, this.#watched(done)),
      termAt: (index) => store.termAt(index),
      entries: (from, to, maxBytes) => store.entries(from, to, maxBytes),
      snapshot: () => store.snapshot(),
      beginSnapshot: (meta) => this.#watchedWriter(store.beginSnapshot(meta)),
      compact: (index) => store.compact(index),
      resetToSnapshot: (done) => store.resetToSnapshot(this.#watched(done)),
      repair: (step, done) => store.repair(step, this.#watched(done)),
      close: (done) => store.close(done),
    };
  }

  /** An aborted writer need not call back, so what it had under way counts no more. */
  #watchedWriter(writer: SnapshotWriter): SnapshotWriter {
    const ends = new Set<() => void>();
    const watched = <T extends unknown[]>(done: (...outcome: T) => void) => {
      const ended = this.#begin();
      ends.add(ended);
      return (...outcome: T): void => {
        ends.delete(ended);
        ended();
        done(...outcome);
      };
    };
    return {
      meta: writer.meta,
      get size() {
        return writer.size;
      },
      write: (data, done) => writer.write(data, watched(done)),
      commit: (checksum, done) => writer.commit(checksum, watched(done)),
      abort: () => {
        for (const ended of ends) ended();
        ends.clear();
        writer.abort();
      },
    };
  }
}
