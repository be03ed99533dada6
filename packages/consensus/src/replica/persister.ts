import type { Entry, HardState, RaftMessage } from '../raft/messages.ts';
import type { PersistBatch } from '../raft/ready.ts';
import type { LogStore, LogWrite } from '../storage/log-store.ts';
import type { ReplicaStats } from './replica-stats.ts';
import type { StageWatch } from './stage-times.ts';

interface Queued {
  readonly sequence: number;
  readonly write: LogWrite | undefined;
  readonly messages: readonly RaftMessage[];
}

/** What the persister tells its driver. */
export interface PersisterListener {
  /** Everything up to `sequence` is on disk; `messages` may leave. */
  durable(sequence: number, messages: readonly RaftMessage[]): void;
  failed(failure: Error): void;
}

/**
 * Self-clocking group commit: one write in flight, and whatever comes meanwhile is the next one. No timer decides
 * how large a batch is; the disk does.
 */
export class Persister {
  readonly #store: LogStore;
  readonly #listener: PersisterListener;
  readonly #stats: ReplicaStats;
  readonly #stages: StageWatch;
  #queue: Queued[] = [];
  #queuedEntries = 0;
  #queuedBytes = 0;
  #writing = false;
  #ended = false;

  constructor(store: LogStore, listener: PersisterListener, stats: ReplicaStats, stages: StageWatch) {
    this.#stages = stages;
    this.#store = store;
    this.#listener = listener;
    this.#stats = stats;
  }

  /** Entries that wait for the write under way to end. */
  get queuedEntries(): number {
    return this.#queuedEntries;
  }

  /** Bytes of those entries. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Whether nothing is being written, and nothing waits to be. */
  get isIdle(): boolean {
    return !this.#writing && this.#queue.length === 0;
  }

  submit(batch: PersistBatch | undefined, messages: readonly RaftMessage[]): void {
    if (batch) {
      this.#queue.push({ sequence: batch.sequence, write: batch, messages });
      this.#queuedEntries += batch.entries.length;
      for (const { data } of batch.entries) this.#queuedBytes += data.length;
    } else if (messages.length > 0) this.#queue.push({ sequence: 0, write: undefined, messages });
    this.#next();
  }

  /** No callback is made from now on. */
  end(): void {
    this.#ended = true;
    this.#queue = [];
  }

  #next(): void {
    if (this.#writing || this.#ended || this.#queue.length === 0) return;
    const batches = this.#queue;
    this.#queue = [];
    this.#queuedEntries = 0;
    this.#queuedBytes = 0;
    const writes = batches.flatMap((batch) => batch.write ?? []);
    if (writes.length === 0) return this.#complete(batches);
    const write = merged(writes);
    this.#writing = true;
    const begunAt = this.#stages.now();
    this.#store.append(write, (failure) => {
      if (this.#ended) return;
      this.#stages.record('flush', begunAt);
      this.#writing = false;
      if (failure) return this.#listener.failed(failure);
      this.#stats.flushes++;
      this.#stats.flushedEntries += write.entries.length;
      this.#stats.flushedEntriesMax = Math.max(this.#stats.flushedEntriesMax, write.entries.length);
      this.#complete(batches);
    });
  }

  #complete(batches: readonly Queued[]): void {
    let sequence = 0;
    for (const batch of batches) sequence = Math.max(sequence, batch.sequence);
    this.#listener.durable(
      sequence,
      batches.flatMap((batch) => batch.messages),
    );
    this.#next();
  }
}

/** One write with the effect of several in a row: a later batch replaces what it overwrites of an earlier one. */
export function merged(writes: readonly LogWrite[]): LogWrite {
  if (writes.length === 1) return writes[0]!;
  let hardState: HardState | undefined;
  const entries: Entry[] = [];
  for (const write of writes) {
    hardState = write.hardState ?? hardState;
    const first = write.entries[0];
    if (!first) continue;
    const base = entries[0]?.index ?? first.index;
    entries.length = Math.max(0, Math.min(entries.length, first.index - base));
    for (const entry of write.entries) entries.push(entry);
  }
  return { hardState, entries };
}
