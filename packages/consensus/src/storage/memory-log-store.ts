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
import { leadsTo, type RepairCallback, type RepairStep, type StoreDamage } from './store-damage.ts';

/** What a test takes away from a store in memory, as a bad disk would. */
export interface MemoryDamage {
  /** Single entries. The last one there is cannot be lost: that is `end`. */
  readonly entries?: readonly number[];
  /** This entry and all after it, and the knowledge that there was anything. */
  readonly endFrom?: number;
  /** Term and vote; the oldest there could be are left. */
  readonly hardState?: boolean;
  /** The snapshot, with all of the log before it. */
  readonly snapshot?: boolean;
}

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
  readonly #lost = new Set<number>();
  #endLost = false;
  #hardStateLost = false;

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
    const state = this.#state();
    this.#clock.nextTurn(() => done(undefined, state));
  }

  #state(): LogStoreState {
    return {
      hardState: this.#hardState,
      snapshot: this.#snapshot?.meta,
      firstIndex: this.firstIndex,
      lastIndex: this.lastIndex,
      damage: this.#damage(),
    };
  }

  #damage(): StoreDamage | undefined {
    const lost: { from: LogIndex; to: LogIndex }[] = [];
    if (this.#base > (this.#snapshot?.meta.index ?? 0))
      lost.push({ from: logIndex(1), to: logIndex(this.#base) });
    for (const index of [...this.#lost].toSorted((a, b) => a - b)) {
      const last = lost.at(-1);
      if (last && last.to + 1 === index) last.to = logIndex(index);
      else lost.push({ from: logIndex(index), to: logIndex(index) });
    }
    if (lost.length === 0 && !this.#endLost && !this.#hardStateLost) return undefined;
    const details = { file: 'memory', offset: 0, problem: 'a test took something away' };
    const failure = new TuttiError('TUTTI_STORE_CORRUPT', details);
    return { failure, lost, endLost: this.#endLost, hardStateLost: this.#hardStateLost };
  }

  /** Takes something away while the store is closed, for tests of how it is fetched again. */
  lose(damage: MemoryDamage): void {
    assert(!this.#open, 'a store is damaged between two lives');
    if (damage.snapshot) {
      this.compact(this.#snapshot?.meta.index ?? logIndex(0));
      this.#snapshot = undefined;
    }
    if (damage.endFrom !== undefined) {
      this.#entries.length = Math.max(0, damage.endFrom - this.#base - 1);
      this.#endLost = true;
    }
    if (damage.hardState) {
      this.#hardState = { term: term(0), votedFor: undefined };
      this.#hardStateLost = true;
    }
    for (const index of damage.entries ?? []) {
      assert(index > this.#base && index < this.lastIndex, 'an entry between others is lost');
      this.#lost.add(index);
    }
  }

  repair(step: RepairStep, done: RepairCallback): void {
    if (step.kind === 'entries') this.#fill(step.entries);
    else if (step.kind === 'cut') {
      this.#truncateFrom(step.from);
      this.#endLost = true;
    } else if (step.kind === 'whole') {
      this.#hardState = step.hardState ?? this.#hardState;
      this.#endLost = false;
      this.#hardStateLost = false;
    } else this.#leadUpBySnapshot();
    const state = this.#state();
    this.#clock.nextTurn(() => done(this.#refusal(), state));
  }

  #fill(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#entries[entry.index - this.#base - 1] = entry;
      this.#lost.delete(entry.index);
    }
  }

  #leadUpBySnapshot(): void {
    const { meta } = this.#snapshot!;
    for (const index of this.#lost) if (index <= meta.index) this.#lost.delete(index);
    if (this.#base > meta.index) return;
    if (leadsTo(meta, this.lastIndex, (index) => this.#ownTerm(index))) {
      this.#entries.splice(0, meta.index - this.#base);
      this.#base = meta.index;
      this.#baseTerm = meta.term;
      return;
    }
    this.#lost.clear();
    this.#continueAfter(meta);
  }

  #ownTerm(index: number): Term | undefined {
    return this.#lost.has(index) ? undefined : this.#entries[index - this.#base - 1]?.term;
  }

  #truncateFrom(index: number): void {
    this.#entries.length = Math.min(this.#entries.length, Math.max(0, index - this.#base - 1));
    for (const lost of this.#lost) if (lost >= index) this.#lost.delete(lost);
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
    if (this.#lost.has(index)) return undefined;
    return this.#entries[index - this.#base - 1]?.term;
  }

  entries(from: LogIndex, to: LogIndex, maxBytes: number): readonly Entry[] {
    const found: Entry[] = [];
    let bytes = 0;
    for (let at = from - this.#base - 1; at <= to - this.#base - 1; at++) {
      const entry = this.#entries[at];
      if (!entry || this.#lost.has(entry.index)) break;
      bytes += entry.data.length;
      if (found.length > 0 && bytes > maxBytes) break;
      found.push(entry);
    }
    return found;
  }

  checkRoom(): boolean {
    return true;
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
        hold: () => () => {},
      };
      done(undefined, this.#publish(stored));
    });
  }

  abort(): void {
    this.#ended = true;
    this.#chunks.length = 0;
  }
}
