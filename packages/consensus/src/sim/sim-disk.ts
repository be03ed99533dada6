import { type LogIndex, logIndex, type Random, type Term, term } from '@tutti/kernel';
import type { Entry, HardState, SnapshotMeta } from '../raft/messages.ts';
import type { LogWrite } from '../storage/log-store.ts';

/** A snapshot's bytes, whole. */
export interface SnapshotImage {
  readonly meta: SnapshotMeta;
  readonly data: Uint8Array;
  readonly checksum: number;
}

/** Told of every change of what is durable, so that checkers see the disk and not the program's view of it. */
export interface DiskListener {
  hardState(before: HardState, after: HardState): void;
  entry(entry: Entry, previousTerm: Term | undefined): void;
  /** A store that was opened again lacks something that it had called durable. */
  broken(problem: string): void;
  /** Something befell the disk. */
  struck?(what: string): void;
}

/** A log in memory: hard state, entries without a gap, a snapshot. */
export class LogImage {
  hardState: HardState = { term: term(0), votedFor: undefined };
  snapshot: SnapshotImage | undefined;
  #entries: Entry[] = [];
  /** The index and term before the first entry. */
  #base: number;
  #baseTerm: Term | undefined;

  /** @param base The index before the first entry, and its term where that is known. */
  constructor(base = 0, baseTerm: Term | undefined = term(0)) {
    this.#base = base;
    this.#baseTerm = baseTerm;
  }

  get firstIndex(): LogIndex {
    return logIndex(this.#base + 1);
  }

  get lastIndex(): LogIndex {
    return logIndex(this.#base + this.#entries.length);
  }

  termAt(index: number): Term | undefined {
    if (index === this.#base) return this.#baseTerm;
    // An entry comes before the snapshot: a snapshot that has just been stored may contradict the log.
    const held = this.#entries[index - this.#base - 1]?.term;
    return held ?? (index === this.snapshot?.meta.index ? this.snapshot.meta.term : undefined);
  }

  entryAt(index: number): Entry | undefined {
    return this.#entries[index - this.#base - 1];
  }

  entries(from: number, to: number, bytesMax: number): readonly Entry[] {
    const all = this.#entries.slice(from - this.#base - 1, to - this.#base);
    let bytes = 0;
    const cut = all.findIndex((entry, i) => (bytes += entry.data.length) > bytesMax && i > 0);
    return cut < 0 ? all : all.slice(0, cut);
  }

  /**
   * Puts an entry in its place and drops what came after it. Its place may have been compacted already: a node takes
   * a snapshot of entries that are committed elsewhere and still on their way to its own disk.
   */
  put(entry: Entry): void {
    if (entry.index <= this.#base) {
      this.#entries = [];
      if (entry.index === this.#base) this.#baseTerm = entry.term;
      return;
    }
    this.#entries.length = entry.index - this.#base - 1;
    this.#entries.push(entry);
  }

  /** Drops what comes after `index`, which is no part of what was compacted. */
  cut(index: number): void {
    this.#entries.length = index - this.#base;
  }

  compact(index: number): void {
    if (index <= this.#base) return;
    // What is dropped may be about to be replaced; the snapshot knows what was committed there.
    const meta = this.snapshot?.meta;
    this.#baseTerm = index === meta?.index ? meta.term : this.termAt(index);
    this.#entries.splice(0, index - this.#base);
    this.#base = index;
  }

  /** Drops the whole log and goes on after the snapshot. */
  reset(): void {
    const { meta } = this.snapshot!;
    this.#entries = [];
    this.#base = meta.index;
    this.#baseTerm = meta.term;
  }

  /** Figure 13: a log that does not lead to the snapshot's last entry is dropped. */
  dropLogBehindSnapshot(): void {
    const meta = this.snapshot?.meta;
    if (meta && meta.index > this.#base && this.#entries[meta.index - this.#base - 1]?.term !== meta.term) {
      this.reset();
    }
  }

  copy(): LogImage {
    const copy = new LogImage();
    copy.hardState = this.hardState;
    copy.snapshot = this.snapshot;
    copy.#entries = [...this.#entries];
    copy.#base = this.#base;
    copy.#baseTerm = this.#baseTerm;
    return copy;
  }
}

/** What survives a crash, and how a crash treats the write that was under way. */
export class SimDisk {
  durable = new LogImage();
  /**
   * What it held when its log was deleted, until its node is repaired. That still counts as promised, as it does for
   * the others: an acknowledgement may be on its way.
   */
  forgotten: LogImage | undefined;
  readonly #listener: DiskListener;
  /** Whether a process has it open. */
  locked = false;
  /** Times as long as usual, while something ails it. */
  slowness = 1;

  constructor(listener: DiskListener) {
    this.#listener = listener;
  }

  /** The log is deleted; what says whose it is stands elsewhere, and that there was one. False if there was none. */
  loseLog(): boolean {
    const { hardState, lastIndex } = this.durable;
    if (hardState.term === 0 && lastIndex === 0) return false;
    this.forgotten ??= this.durable;
    this.durable = new LogImage();
    return true;
  }

  /**
   * The last of its entries are gone, and nothing says that there were any: at most those of which `isHeld` says so, and
   * none that its snapshot covers. False if there are none.
   */
  forgetEnd(random: Random, isHeld: (index: number, of: Term) => boolean): boolean {
    if (this.forgotten) return false;
    const { firstIndex, lastIndex, snapshot } = this.durable;
    const least = Math.max(firstIndex - 1, snapshot?.meta.index ?? 0);
    let kept: number = lastIndex;
    while (kept > least && isHeld(kept, this.durable.termAt(kept)!)) kept--;
    if (kept >= lastIndex) return false;
    this.durable.cut(random.integer(kept, lastIndex - 1));
    return true;
  }

  write(write: LogWrite): void {
    if (write.hardState) this.#writeHardState(write.hardState);
    for (const entry of write.entries) this.#writeEntry(entry);
  }

  #writeHardState(hardState: HardState): void {
    this.#listener.hardState(this.durable.hardState, hardState);
    this.durable.hardState = hardState;
  }

  #writeEntry(entry: Entry): void {
    const held = this.durable.termAt(entry.index);
    if (held !== undefined && held !== entry.term) this.#listener.struck?.('replaced entry');
    this.durable.put(entry);
    this.#listener.entry(entry, this.durable.termAt(entry.index - 1));
  }

  /**
   * The power goes while `write` is under way: any prefix of it may be on the disk, from nothing to all. Records are
   * written in order, hard state first.
   */
  tear(write: LogWrite, random: Random): void {
    if (random.chance(0.4)) return;
    if (random.chance(0.3)) return this.write(write);
    this.#listener.struck?.('torn write');
    this.write({
      hardState: write.hardState,
      entries: write.entries.slice(0, random.integer(0, write.entries.length)),
    });
  }
}
