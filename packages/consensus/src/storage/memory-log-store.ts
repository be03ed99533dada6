import { assert, type Clock, type LogIndex, logIndex, type Term, TuttiError, term } from '@tutti/kernel';
import type { Entry, HardState, SnapshotMeta } from '../raft/messages.ts';
import { crc32c } from './crc32c.ts';
import type {
  LogStore,
  LogStoreState,
  LogWrite,
  SnapshotWriter,
  StoredSnapshot,
  WriteCallback,
} from './log-store.ts';

/**
 * A log that lives as long as the object: for tests, and for replicas whose group may forget everything when all of
 * them stop. Closing and opening it again keeps the contents, as a disk would. Every completion comes in a later
 * turn of the clock.
 */
export class MemoryLogStore implements LogStore {
  readonly #clock: Clock;
  #open = false;
  #hardState: HardState = { term: term(0), votedFor: undefined };
  #snapshot: StoredSnapshot | undefined;
  /** Entries without a gap; the first has index `#base + 1`. */
  #entries: Entry[] = [];
  #base = 0;
  #baseTerm: Term | undefined = term(0);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get firstIndex(): LogIndex {
    return logIndex(this.#base + 1);
  }

  get lastIndex(): LogIndex {
    return logIndex(this.#base + this.#entries.length);
  }

  open(done: (failure: Error | undefined, state?: LogStoreState) => void): void {
    if (this.#open) {
      const failure = new TuttiError('TUTTI_STORE_LOCKED', { directory: 'memory', pid: 'this one' });
      this.#clock.nextTurn(() => done(failure));
      return;
    }
    this.#open = true;
    this.#dropLogBehindSnapshot();
    const state: LogStoreState = {
      hardState: this.#hardState,
      snapshot: this.#snapshot?.meta,
      firstIndex: this.firstIndex,
      lastIndex: this.lastIndex,
    };
    this.#clock.nextTurn(() => done(undefined, state));
  }

  append(write: LogWrite, done: WriteCallback): void {
    const refusal = this.#refusal();
    if (!refusal) {
      if (write.hardState) this.#hardState = write.hardState;
      const first = write.entries[0];
      if (first) {
        assert(first.index > this.#base && first.index <= this.lastIndex + 1, 'entries leave no gap');
        this.#entries.length = first.index - this.#base - 1;
        for (const entry of write.entries) this.#entries.push(entry);
      }
    }
    this.#clock.nextTurn(() => done(refusal));
  }

  termAt(index: LogIndex): Term | undefined {
    if (index === this.#base) return this.#baseTerm;
    return this.#entries[index - this.#base - 1]?.term;
  }

  entries(from: LogIndex, to: LogIndex, maxBytes: number): readonly Entry[] {
    const found: Entry[] = [];
    let bytes = 0;
    for (let at = from - this.#base - 1; at <= to - this.#base - 1; at++) {
      const entry = this.#entries[at];
      if (!entry) break;
      bytes += entry.data.length;
      if (found.length > 0 && bytes > maxBytes) break;
      found.push(entry);
    }
    return found;
  }

  snapshot(): StoredSnapshot | undefined {
    return this.#snapshot;
  }

  beginSnapshot(meta: SnapshotMeta): SnapshotWriter {
    return new MemorySnapshotWriter(this.#clock, meta, (stored) => {
      // A snapshot that a newer one overtook while it was written is of no use any more.
      if (stored.meta.index >= (this.#snapshot?.meta.index ?? 0)) this.#snapshot = stored;
      return this.#snapshot!;
    });
  }

  compact(index: LogIndex): void {
    assert(index <= (this.#snapshot?.meta.index ?? 0), 'only what the snapshot covers is dropped');
    if (index <= this.#base) return;
    const last = Math.min(index, this.lastIndex);
    this.#baseTerm = this.termAt(logIndex(last));
    this.#entries.splice(0, last - this.#base);
    this.#base = last;
  }

  resetToSnapshot(done: WriteCallback): void {
    const meta = this.#snapshot?.meta;
    assert(meta, 'a snapshot is stored');
    this.#continueAfter(meta);
    this.#clock.nextTurn(() => done(this.#refusal()));
  }

  close(done: WriteCallback): void {
    this.#open = false;
    this.#clock.nextTurn(() => done(undefined));
  }

  /** A snapshot that was stored just before the end, and whose state the log does not lead to, replaces the log. */
  #dropLogBehindSnapshot(): void {
    const meta = this.#snapshot?.meta;
    if (meta && meta.index > this.#base && this.termAt(meta.index) !== meta.term) this.#continueAfter(meta);
  }

  #continueAfter(meta: SnapshotMeta): void {
    this.#entries = [];
    this.#base = meta.index;
    this.#baseTerm = meta.term;
  }

  #refusal(): TuttiError | undefined {
    return this.#open ? undefined : new TuttiError('TUTTI_CLOSED', { what: 'The log store' });
  }
}

class MemorySnapshotWriter implements SnapshotWriter {
  readonly meta: SnapshotMeta;
  readonly #clock: Clock;
  readonly #publish: (stored: StoredSnapshot) => StoredSnapshot;
  readonly #chunks: Uint8Array[] = [];
  #size = 0;
  #ended = false;

  constructor(clock: Clock, meta: SnapshotMeta, publish: (stored: StoredSnapshot) => StoredSnapshot) {
    this.meta = meta;
    this.#clock = clock;
    this.#publish = publish;
  }

  get size(): number {
    return this.#size;
  }

  write(data: Uint8Array, done: WriteCallback): void {
    assert(!this.#ended, 'a snapshot that ended takes no more');
    this.#chunks.push(data.slice());
    this.#size += data.length;
    this.#clock.nextTurn(() => done(undefined));
  }

  commit(
    checksum: number | undefined,
    done: (failure: Error | undefined, stored?: StoredSnapshot) => void,
  ): void {
    this.#ended = true;
    const bytes = new Uint8Array(this.#size);
    let at = 0;
    for (const chunk of this.#chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    const actual = crc32c(bytes);
    this.#clock.nextTurn(() => {
      if (checksum !== undefined && checksum !== actual)
        return done(
          new TuttiError('TUTTI_STORE_CORRUPT', {
            file: 'snapshot in memory',
            offset: 0,
            problem: 'checksum',
          }),
        );
      const clock = this.#clock;
      const stored: StoredSnapshot = {
        meta: this.meta,
        totalBytes: bytes.length,
        checksum: actual,
        read: (offset, length, done) => {
          const data = bytes.slice(offset, offset + length);
          clock.nextTurn(() => done(undefined, data));
        },
      };
      done(undefined, this.#publish(stored));
    });
  }

  abort(): void {
    this.#ended = true;
    this.#chunks.length = 0;
  }
}
