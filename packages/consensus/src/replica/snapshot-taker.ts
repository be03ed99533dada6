import type { Clock, ValueCodec } from '@tutti/kernel';
import type { SnapshotMeta } from '../raft/messages.ts';
import type { LogStore, SnapshotWriter, StoredSnapshot } from '../storage/log-store.ts';
import type { CapturedState } from './module-host.ts';
import type { ReplicaConfig } from './replica-options.ts';
import { encodeSnapshot } from './snapshot-codec.ts';
import { attempt, timeLimit } from './turn-budget.ts';

/** Writes a captured state chunk by chunk, a few milliseconds per turn, so that a large one does not hold up the loop. */
export class SnapshotTaker {
  readonly #store: LogStore;
  readonly #clock: Clock;
  readonly #codec: ValueCodec;
  readonly #config: Required<ReplicaConfig>;
  #writer: SnapshotWriter | undefined;

  constructor(store: LogStore, clock: Clock, codec: ValueCodec, config: Required<ReplicaConfig>) {
    this.#store = store;
    this.#clock = clock;
    this.#codec = codec;
    this.#config = config;
  }

  get busy(): boolean {
    return this.#writer !== undefined;
  }

  /** Writes the state that was captured after `meta.index`. Not called back if it is aborted. */
  take(
    state: CapturedState,
    meta: SnapshotMeta,
    done: (failure: Error | undefined, stored?: StoredSnapshot) => void,
  ): void {
    const { snapshotChunkBytes, snapshotBudgetMs } = this.#config;
    const writer = this.#store.beginSnapshot(meta);
    this.#writer = writer;
    const limit = timeLimit(this.#clock, snapshotBudgetMs);
    const chunks = encodeSnapshot(state, meta, this.#codec, snapshotChunkBytes, limit.isUp);
    const end = (failure: Error | undefined, stored?: StoredSnapshot): void => {
      if (this.#writer !== writer) return;
      this.#writer = undefined;
      if (failure) writer.abort();
      done(failure, stored);
    };
    const next = (): void => {
      if (this.#writer !== writer) return;
      limit.begin();
      const { failure, value: chunk } = attempt(() => chunks.next());
      if (failure || !chunk) return end(failure);
      if (chunk.done) return writer.commit(undefined, end);
      if (!chunk.value) return this.#clock.nextTurn(next);
      writer.write(chunk.value, (problem) => (problem ? end(problem) : this.#clock.nextTurn(next)));
    };
    next();
  }

  /** Drops the snapshot that is being written. */
  abort(): void {
    this.#writer?.abort();
    this.#writer = undefined;
  }
}
