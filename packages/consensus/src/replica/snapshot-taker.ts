import { type Clock, TuttiError, type ValueCodec } from '@tutti/kernel';
import type { SnapshotMeta } from '../raft/messages.ts';
import type { LogStore, SnapshotWriter, StoredSnapshot } from '../storage/log-store.ts';
import type { CapturedState, RestoredState } from './module-host.ts';
import type { ReplicaConfig } from './replica-options.ts';
import { encodeSnapshot, SnapshotDecoder } from './snapshot-codec.ts';

/** Decides when a snapshot is due, and writes it chunk by chunk, so that the loop is never held up by a large one. */
export class SnapshotTaker {
  readonly #store: LogStore;
  readonly #clock: Clock;
  readonly #codec: ValueCodec;
  readonly #config: Required<ReplicaConfig>;
  #entries = 0;
  #bytes = 0;
  /** What the snapshot being written was taken for. */
  #covered = { entries: 0, bytes: 0 };
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

  /** Whether enough has been applied since the last snapshot. */
  get due(): boolean {
    const { snapshotEntries, snapshotBytes } = this.#config;
    return !this.busy && (this.#entries >= snapshotEntries || this.#bytes >= snapshotBytes);
  }

  /** Counts an applied entry. */
  count(bytes: number): void {
    this.#entries++;
    this.#bytes += bytes;
  }

  /** Writes the state that was captured after `meta.index`. */
  take(
    state: CapturedState,
    meta: SnapshotMeta,
    done: (failure: Error | undefined, stored?: StoredSnapshot) => void,
  ): void {
    this.#covered = { entries: this.#entries, bytes: this.#bytes };
    this.#entries = 0;
    this.#bytes = 0;
    const writer = this.#store.beginSnapshot(meta);
    this.#writer = writer;
    const chunks = encodeSnapshot(state, meta, this.#codec, this.#config.snapshotChunkBytes);
    const end = (failure: Error | undefined, stored?: StoredSnapshot) => {
      if (this.#writer !== writer) return;
      this.#writer = undefined;
      done(failure, stored);
    };
    const next = (): void => {
      if (this.#writer !== writer) return;
      const { failure, value: chunk } = attempt(() => chunks.next());
      if (failure || !chunk) return this.#giveUp(writer, failure, end);
      if (chunk.done) return writer.commit(undefined, end);
      writer.write(chunk.value, (problem) =>
        problem ? this.#giveUp(writer, problem, end) : this.#clock.nextTurn(next),
      );
    };
    next();
  }

  #giveUp(
    writer: SnapshotWriter,
    failure: Error | undefined,
    end: (failure: Error | undefined) => void,
  ): void {
    writer.abort();
    end(failure);
  }

  /**
   * Drops a snapshot that is being written: one is being sent or received, or the replica ends. It stays due, lest a
   * node that falls idle then keeps a log that is too long.
   */
  abort(): void {
    if (!this.#writer) return;
    this.#writer.abort();
    this.#writer = undefined;
    this.#entries += this.#covered.entries;
    this.#bytes += this.#covered.bytes;
  }

  /** The state has come from a snapshot: counting starts anew. */
  reset(): void {
    this.abort();
    this.#entries = 0;
    this.#bytes = 0;
  }
}

/** Reads a stored snapshot back into values, chunk by chunk. */
export function readSnapshot(
  stored: StoredSnapshot,
  codec: ValueCodec,
  chunkBytes: number,
  done: (failure: Error | undefined, state?: RestoredState) => void,
): void {
  const decoder = new SnapshotDecoder(codec);
  const from = (offset: number): void => {
    if (offset >= stored.totalBytes) {
      const end = attempt(() => decoder.finish());
      return done(end.failure, end.value);
    }
    stored.read(offset, Math.min(chunkBytes, stored.totalBytes - offset), (failure, data) => {
      const problem = failure ?? (data.length === 0 ? cutOff() : attempt(() => decoder.push(data)).failure);
      if (problem) done(problem);
      else from(offset + data.length);
    });
  };
  from(0);
}

const cutOff = (): TuttiError =>
  new TuttiError('TUTTI_CODEC_INVALID', { problem: 'the snapshot has become shorter than it was' });

function attempt<T>(action: () => T): { readonly failure: Error | undefined; readonly value?: T } {
  try {
    return { failure: undefined, value: action() };
  } catch (thrown) {
    return { failure: thrown instanceof Error ? thrown : new Error(String(thrown)) };
  }
}
