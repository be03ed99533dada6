import type { ProposeOptions } from '@tutti/consensus';
import { TuttiError, type WireValue } from '@tutti/kernel';
import { guarded } from '../actor/cell-listeners.ts';
import type { ClusterSystem } from './cluster-system.ts';
import {
  type KeyValueChange,
  type KeyValueCommand,
  type KeyValueEntry,
  KeyValueModule,
} from './key-value-module.ts';
import type { ReplicatedHandle } from './replicated.ts';
import { replicatedAddress } from './replicated-logic.ts';

/** How to write. */
export interface WriteOptions extends ProposeOptions {
  /** Only if the key has this revision; 0: only if it is not there. Otherwise `TUTTI_REVISION_MISMATCH`. */
  readonly ifRevision?: number;
}

/** What to watch. */
export interface WatchOptions {
  /** The first revision to be told of; default the next one. */
  readonly from?: number;
  /** Only keys that begin so; default all. */
  readonly prefix?: string;
  /**
   * Called once, instead of going on, when this node was so far behind that changes between are not kept any more:
   * `from` is the first that is. Read the state, and watch from there.
   */
  readonly onCompacted?: (from: number) => void;
}

/** A key-value store that all voters keep, as one node uses it. */
export interface KeyValue {
  /** Changes that this node has seen. */
  readonly revision: number;
  /** This node's copy, which may be behind. */
  get(key: string): KeyValueEntry | undefined;
  /** What is true now: everything acknowledged anywhere before the call is seen. */
  read(key: string, options?: ProposeOptions): Promise<KeyValueEntry | undefined>;
  /** Entries of this node's copy whose keys begin so, by key. */
  list(prefix?: string): readonly KeyValueEntry[];
  /**
   * Writes a value: plain data of at most 32,768 characters as JSON.
   * @throws TuttiError `TUTTI_REVISION_MISMATCH`, `TUTTI_OVERLOADED`, and what `Consensus.propose` does
   */
  put(key: string, value: WireValue, options?: WriteOptions): Promise<KeyValueChange>;
  /** Resolves with undefined when there was nothing to delete. */
  delete(key: string, options?: WriteOptions): Promise<KeyValueChange | undefined>;
  /**
   * Calls back for every change from a revision on, each once and in order, also over snapshots and restarts of
   * others: whoever comes back with the last revision it has seen, plus 1, misses nothing. What it throws is logged.
   * @throws TuttiError `TUTTI_REVISION_COMPACTED` when the changes from there on are not kept any more
   */
  watch(listener: (change: KeyValueChange) => void, options?: WatchOptions): () => void;
}

/**
 * Places a key-value store on every voter, under a name. Call it before the start, on every node alike.
 * @throws TuttiError `TUTTI_MODULE_DUPLICATE`, `TUTTI_STARTED`
 */
export function keyValue(cluster: Pick<ClusterSystem, 'replicated'>, name: string): KeyValue {
  return new ReplicatedKeyValue(cluster.replicated(name, new KeyValueModule(name)));
}

class ReplicatedKeyValue implements KeyValue {
  readonly #handle: ReplicatedHandle<KeyValueModule>;

  constructor(handle: ReplicatedHandle<KeyValueModule>) {
    this.#handle = handle;
  }

  get revision(): number {
    return this.#handle.module.revision;
  }

  get(key: string): KeyValueEntry | undefined {
    return this.#handle.module.get(key);
  }

  async read(key: string, options?: ProposeOptions): Promise<KeyValueEntry | undefined> {
    await this.#handle.readBarrier(options);
    return this.get(key);
  }

  list(prefix = ''): readonly KeyValueEntry[] {
    return this.#handle.module.list(prefix);
  }

  put(key: string, value: WireValue, options: WriteOptions = {}): Promise<KeyValueChange> {
    return this.#propose<KeyValueChange>({ type: 'put', key, value }, options);
  }

  delete(key: string, options: WriteOptions = {}): Promise<KeyValueChange | undefined> {
    return this.#propose<KeyValueChange | undefined>({ type: 'delete', key }, options);
  }

  watch(listener: (change: KeyValueChange) => void, options: WatchOptions = {}): () => void {
    const { module, logger } = this.#handle;
    const { from = module.revision + 1, prefix = '', onCompacted } = options;
    if (from < module.firstKept)
      throw new TuttiError('TUTTI_REVISION_COMPACTED', { store: module.name, from, first: module.firstKept });
    const guard = <Value>(told: (value: Value) => void) =>
      guarded(told, replicatedAddress(module.name), logger, 'a watcher of a key-value store threw');
    const tellOf = guard(listener);
    let next = from;
    let end = () => {};
    const tell = () => {
      if (next < module.firstKept) {
        end();
        if (onCompacted) guard(onCompacted)(module.firstKept);
        return;
      }
      for (const change of module.changesFrom(next)) {
        next = change.revision + 1;
        if (change.key.startsWith(prefix)) tellOf(change);
      }
    };
    end = this.#handle.watch({ applied: tell, restored: tell });
    tell();
    return () => end();
  }

  async #propose<Result>(command: KeyValueCommand, options: WriteOptions): Promise<Result> {
    const { ifRevision, ...rest } = options;
    return await this.#handle.propose<Result>(
      ifRevision === undefined ? command : { ...command, ifRevision },
      rest,
    );
  }
}
