import {
  assert,
  type Clock,
  type Logger,
  type LogIndex,
  Ring,
  type Term,
  type TuttiError,
  type ValueCodec,
} from '@tutti/kernel';
import type { Entry, Membership, SnapshotMeta } from '../raft/messages.ts';
import type { LogStore, StoredSnapshot } from '../storage/log-store.ts';
import type { ModuleHost, OutcomeListener } from './module-host.ts';
import type { ReplicaConfig } from './replica-options.ts';
import type { ReplicaStats } from './replica-stats.ts';
import { readSnapshot } from './snapshot-reader.ts';
import { SnapshotSchedule } from './snapshot-schedule.ts';
import { SnapshotTaker } from './snapshot-taker.ts';

/** Committed entries that may wait for being applied. The core bounds them by their bytes; the ring only wants a number. */
const APPLY_QUEUE_MAX = 2 ** 30;

/** Told once which entry the snapshot that was asked for ends with, or why it was not taken. */
export type SnapshotCallback = (failure: Error | undefined, index: LogIndex) => void;

/** What an applier works with. */
export interface ApplierParts {
  readonly store: LogStore;
  readonly host: ModuleHost;
  readonly clock: Clock;
  readonly codec: ValueCodec;
  readonly config: Required<ReplicaConfig>;
  readonly logger: Logger;
  readonly stats: ReplicaStats;
  readonly outcomes: OutcomeListener;
  /** The last entry that the state includes already. */
  readonly from: { readonly index: LogIndex; readonly term: Term };
  /** Runs an action of a later turn, unless the replica has ended; what it throws ends the replica. */
  readonly guarded: (action: () => void) => void;
  readonly failed: (failure: Error) => void;
  /** A snapshot of this node's own is stored: the log it covers may go. */
  readonly snapshotTaken: () => void;
}

/** Keeps the state machine in step with the log: applies what is committed, takes snapshots, installs those received. */
export class Applier {
  readonly #parts: ApplierParts;
  readonly #taker: SnapshotTaker;
  readonly #schedule: SnapshotSchedule;
  readonly #queue = new Ring<Entry>(APPLY_QUEUE_MAX);
  #index: LogIndex;
  #term: Term;
  #installing = false;
  #ended = false;
  #demands: { readonly done: SnapshotCallback; readonly from: LogIndex }[] = [];

  constructor(parts: ApplierParts) {
    this.#parts = parts;
    this.#index = parts.from.index;
    this.#term = parts.from.term;
    this.#taker = new SnapshotTaker(parts.store, parts.clock, parts.codec, parts.config);
    this.#schedule = new SnapshotSchedule(parts.clock, parts.config);
    const stored = parts.store.snapshot();
    if (stored) this.#schedule.restored(stored.totalBytes, parts.host.appliedBytes);
  }

  /** The last entry applied. */
  get index(): LogIndex {
    return this.#index;
  }

  /** Its term. */
  get term(): Term {
    return this.#term;
  }

  get hasWork(): boolean {
    return this.#queue.size > 0 && !this.#installing;
  }

  /** Whether a received snapshot is replacing the state. */
  get isInstalling(): boolean {
    return this.#installing;
  }

  /** Whether nothing is to be applied, taken or installed, now or later. */
  get isIdle(): boolean {
    return this.#queue.size === 0 && !this.#installing && !this.#taker.busy && !this.#schedule.isOwed;
  }

  push(entries: readonly Entry[]): void {
    for (const entry of entries) this.#queue.push(entry);
  }

  /** Applies a bounded batch; the loop is given back after it. Whether anything was applied. */
  applySome(): boolean {
    if (this.#installing) return false;
    const { clock, config, host, stats, outcomes } = this.#parts;
    const until = clock.now() + config.applyBudgetMs;
    const before = this.#index;
    for (let count = 1; count <= config.applyBatchMax && !this.#ended; count++) {
      const entry = this.#queue.shift();
      if (!entry) break;
      host.apply(entry, outcomes);
      this.#index = entry.index;
      this.#term = entry.term;
      // A snapshot is of exactly the entry that makes it due, so that every node's is the same.
      if (this.#schedule.applied(entry.index, entry.data.length, host.appliedBytes)) break;
      if (count % 32 === 0 && clock.now() >= until) break;
    }
    stats.applied = host.appliedCount;
    stats.duplicates = host.duplicateCount;
    stats.reopened = host.reopenedCount;
    return this.#index !== before;
  }

  /** Takes a snapshot if one is due. */
  snapshotIfDue(membership: Membership): void {
    if (!this.#schedule.due || this.#taker.busy || this.#installing || this.#ended || this.#index === 0)
      return;
    const meta: SnapshotMeta = { index: this.#index, term: this.#term, membership };
    const { host, guarded } = this.#parts;
    this.#schedule.begun(host.appliedBytes);
    this.#taker.take(host.capture(), meta, (failure, stored) =>
      guarded(() => (failure ? this.#notTaken(meta, failure) : this.#taken(stored!))),
    );
  }

  /**
   * Has a snapshot taken as soon as may be, though none is due by the log. Calls back with the last entry of the first
   * one stored or installed that covers what is applied now, or with why one could not be written; never after a crash.
   */
  demandSnapshot(done?: SnapshotCallback): void {
    if (done) this.#demands.push({ done, from: this.#index });
    this.#schedule.demand();
  }

  /** Tells those who demanded a snapshot that covers what was applied when they did. */
  #answerDemands(failure: Error | undefined, index: LogIndex): void {
    const answered = this.#demands.filter(({ from }) => failure !== undefined || from <= index);
    this.#demands = this.#demands.filter((demand) => !answered.includes(demand));
    for (const { done } of answered) done(failure, index);
    if (this.#demands.length > 0) this.#schedule.demand();
  }

  #taken(stored: StoredSnapshot): void {
    this.#answerDemands(undefined, stored.meta.index);
    this.#parts.stats.snapshotsTaken++;
    this.#schedule.stored(stored.totalBytes);
    this.#parts.snapshotTaken();
  }

  /** The log still has everything, so work goes on; it stays due. */
  #notTaken(meta: SnapshotMeta, failure: Error): void {
    this.#schedule.failed(true);
    this.#answerDemands(failure, meta.index);
    const fields = { index: meta.index, error: failure.message };
    this.#parts.logger.error(fields, 'A snapshot could not be written; the log is kept instead');
  }

  /** Gives up the snapshot being written, because another one is being received. It stays due. */
  abortSnapshot(): void {
    if (!this.#taker.busy) return;
    this.#taker.abort();
    this.#schedule.failed(false);
  }

  /**
   * Replaces state and log by the stored snapshot. The order matters: nothing is dropped before the new state has
   * been read in full.
   */
  install(meta: SnapshotMeta, installed: () => void): void {
    const { store, host, stats } = this.#parts;
    const stored = store.snapshot();
    assert(stored?.meta.index === meta.index, 'the snapshot to install is the stored one');
    this.#installing = true;
    this.#taker.abort();
    this.#queue.clear();
    const restorer = host.restorer();
    const isOver = (): boolean => this.#ended;
    readSnapshot(stored, restorer, { ...this.#parts, isOver }, (failure) => {
      if (failure) return this.#parts.failed(failure);
      store.resetToSnapshot((problem) => {
        if (problem) return this.#parts.failed(problem);
        this.#parts.guarded(() => {
          restorer.finish((watcher) => watcher.restored?.(meta.index));
          this.#installing = false;
          this.#index = meta.index;
          this.#term = meta.term;
          this.#schedule.restored(stored.totalBytes, host.appliedBytes);
          stats.snapshotsInstalled++;
          this.#answerDemands(undefined, meta.index);
          installed();
        });
      });
    });
  }

  /** The replica stops: nobody waits for a snapshot any more. */
  close(failure: () => TuttiError): void {
    for (const { done, from } of this.#demands.splice(0)) done(failure(), from);
  }

  end(): void {
    this.#ended = true;
    this.#taker.abort();
    this.#queue.clear();
  }
}
