import {
  assert,
  type LogIndex,
  logIndex,
  type NodeId,
  TuttiError,
  term,
  type WireValue,
} from '@tutti/kernel';
import type {
  Consensus,
  ConsensusStatus,
  ModuleWatcher,
  ProposeOptions,
  ReplicatedModule,
} from '../consensus.ts';
import type { ReplicaOptions } from './replica-options.ts';
import { newReplicaStats, type ReplicaStats } from './replica-stats.ts';

/** Told once how a proposal ended. */
export type ProposeCallback = (failure: Error | undefined, result?: WireValue) => void;
/** Told once that a read may be answered from local state, which shows everything up to `index`. */
export type ReadCallback = (failure: Error | undefined, index?: LogIndex) => void;

/** One node of a replicated log: Raft core, store, transport and modules, driven together. */
export class Replica implements Consensus {
  readonly nodeId: NodeId;
  readonly #options: ReplicaOptions;
  readonly #stats: ReplicaStats = newReplicaStats();
  readonly #modules = new Map<string, ReplicatedModule>();

  constructor(options: ReplicaOptions) {
    this.nodeId = options.nodeId;
    this.#options = options;
  }

  register(module: ReplicatedModule): void {
    if (this.#modules.has(module.name))
      throw new TuttiError('TUTTI_MODULE_DUPLICATE', { module: module.name });
    this.#modules.set(module.name, module);
  }

  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.startWith((failure) => (failure ? reject(failure) : resolve()));
    });
  }

  /** {@link start} with a callback. */
  startWith(done: (failure: Error | undefined) => void): void {
    assert(this.#options, 'a replica has options');
    done(new TuttiError('TUTTI_INTERNAL', { problem: 'the replica is being written' }));
  }

  propose(module: string, command: WireValue, options?: ProposeOptions): Promise<WireValue> {
    return new Promise((resolve, reject) => {
      this.proposeWith(module, command, options, (failure, result) =>
        failure ? reject(failure) : resolve(result),
      );
    });
  }

  /** {@link propose} with a callback, for code that may not use promises. */
  proposeWith(
    _module: string,
    _command: WireValue,
    _options: ProposeOptions | undefined,
    done: ProposeCallback,
  ): void {
    done(new TuttiError('TUTTI_CLOSED', { what: 'This replica' }));
  }

  readBarrier(options?: ProposeOptions): Promise<LogIndex> {
    return new Promise((resolve, reject) => {
      this.readBarrierWith(options, (failure, index) => (failure ? reject(failure) : resolve(index!)));
    });
  }

  /** {@link readBarrier} with a callback. */
  readBarrierWith(_options: ProposeOptions | undefined, done: ReadCallback): void {
    done(new TuttiError('TUTTI_CLOSED', { what: 'This replica' }));
  }

  status(): ConsensusStatus {
    return {
      nodeId: this.nodeId,
      role: 'stopped',
      term: term(0),
      leader: undefined,
      commitIndex: logIndex(0),
      appliedIndex: logIndex(0),
      lastIndex: logIndex(0),
      voters: this.#options.voters,
      snapshotIndex: logIndex(0),
    };
  }

  /** Totals since this replica was made. */
  stats(): Readonly<ReplicaStats> {
    return this.#stats;
  }

  onStatus(_listener: (status: ConsensusStatus) => void): () => void {
    return () => {};
  }

  watch(_module: string, _watcher: ModuleWatcher): () => void {
    return () => {};
  }

  stop(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.stopWith((failure) => (failure ? reject(failure) : resolve()));
    });
  }

  /** {@link stop} with a callback. */
  stopWith(done: (failure: Error | undefined) => void): void {
    done(undefined);
  }

  /**
   * Ends at once as a crash would: no callback is called, nothing more is sent or written, the store is not closed.
   * For simulators, which take the process away.
   */
  crash(): void {}
}
