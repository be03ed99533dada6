import {
  assert,
  type Clock,
  type Logger,
  type LogIndex,
  Ring,
  type Term,
  type ValueCodec,
} from '@tutti/kernel';
import type { Entry, Membership, SnapshotMeta } from '../raft/messages.ts';
import type { LogStore } from '../storage/log-store.ts';
import type { StallWatch } from './disk-watch.ts';
import type { ModuleHost, OutcomeListener } from './module-host.ts';
import type { ReplicaConfig } from './replica-options.ts';
import type { ReplicaStats } from './replica-stats.ts';
import { readSnapshot, SnapshotTaker } from './snapshot-taker.ts';

/**
 * Committed entries that may wait for being applied. They are entries of the log, which snapshots keep short; the
 * ring only wants a number.
 */
const APPLY_QUEUE_MAX = 2 ** 30;

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
  /** Watches the store's part in installing a snapshot. */
  readonly watch: StallWatch;
}

/** Keeps the state machine in step with the log: applies what is committed, takes snapshots, installs those received. */
export class Applier {
  readonly #parts: ApplierParts;
  readonly #taker: SnapshotTaker;
  readonly #queue = new Ring<Entry>(APPLY_QUEUE_MAX);
  #index: LogIndex;
  #term: Term;
  #installing = false;
  #ended = false;

  constructor(parts: ApplierParts) {
    this.#parts = parts;
    this.#index = parts.from.index;
    this.#term = parts.from.term;
    this.#taker = new SnapshotTaker(parts.store, parts.clock, parts.codec, parts.config);
  }

  /** The last entry applied. */
  get index(): LogIndex {
    return this.#index;
  }

  get hasWork(): boolean {
    return this.#queue.size > 0 && !this.#installing;
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
      this.#taker.count(entry.data.length);
      if (count % 32 === 0 && clock.now() >= until) break;
    }
    stats.applied = host.appliedCount;
    stats.duplicates = host.duplicateCount;
    return this.#index !== before;
  }

  /** Takes a snapshot if one is due, and drops the log it covers when it is stored. */
  snapshotIfDue(membership: Membership): void {
    if (!this.#taker.due || this.#installing || this.#ended) return;
    const meta: SnapshotMeta = { index: this.#index, term: this.#term, membership };
    this.#taker.take(this.#parts.host.capture(), meta, (failure) =>
      this.#parts.guarded(() => (failure ? this.#notTaken(failure, meta) : this.#taken(meta))),
    );
  }

  #taken(meta: SnapshotMeta): void {
    const { store, config, stats } = this.#parts;
    stats.snapshotsTaken++;
    const keptFrom = meta.index - config.trailingEntries;
    if (keptFrom > 0 && !this.#installing) store.compact(keptFrom as LogIndex);
  }

  /** The log still has everything, so work goes on; the next attempt comes when the next snapshot is due. */
  #notTaken(failure: Error, meta: SnapshotMeta): void {
    const fields = { index: meta.index, error: failure.message };
    this.#parts.logger.error(fields, 'A snapshot could not be written; the log is kept instead');
  }

  /** Gives up the snapshot being written, because another one is being sent or received. */
  abortSnapshot(): void {
    this.#taker.abort();
  }

  /**
   * Replaces state and log by the stored snapshot. The order matters: nothing is dropped before the new state has
   * been read in full.
   */
  install(meta: SnapshotMeta, installed: () => void): void {
    const { store, codec, config, host, stats, watch } = this.#parts;
    const stored = store.snapshot();
    assert(stored?.meta.index === meta.index, 'the snapshot to install is the stored one');
    this.#installing = true;
    this.#taker.reset();
    this.#queue.clear();
    readSnapshot(stored, codec, config.snapshotChunkBytes, (failure, state) => {
      if (this.#ended) return;
      if (failure) return this.#parts.failed(failure);
      watch.begin();
      store.resetToSnapshot((problem) => {
        watch.end();
        if (problem) return this.#parts.failed(problem);
        this.#parts.guarded(() => {
          host.restore(state!, (watcher) => watcher.restored?.(meta.index));
          this.#installing = false;
          this.#index = meta.index;
          this.#term = meta.term;
          stats.snapshotsInstalled++;
          installed();
        });
      });
    });
  }

  end(): void {
    this.#ended = true;
    this.#taker.abort();
    this.#queue.clear();
  }
}
