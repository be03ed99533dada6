import { assert, type LogIndex, logIndex, type Term, term } from '@tutti/kernel';

/** Where an entry's record stands on disk. */
export interface EntryPlace {
  readonly segment: number;
  readonly offset: number;
  readonly dataBytes: number;
}

/** In the place of the term of an entry that was flushed once and cannot be read. */
const LOST = -1;

/**
 * Term and place of every entry held, in columns rather than objects: some 24 bytes per entry. Indexes have no gap;
 * the first is `base + 1`.
 */
export class EntryIndex {
  #base = 0;
  #baseTerm: Term | undefined = term(0);
  #size = 0;
  #terms = new Float64Array(1024);
  #segments = new Uint32Array(1024);
  #offsets = new Uint32Array(1024);
  #lengths = new Uint32Array(1024);

  get firstIndex(): LogIndex {
    return logIndex(this.#base + 1);
  }

  get lastIndex(): LogIndex {
    return logIndex(this.#base + this.#size);
  }

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  termAt(index: number): Term | undefined {
    if (index === this.#base) return this.#baseTerm;
    if (index < this.#base || index > this.lastIndex) return undefined;
    const found = this.#terms[index - this.#base - 1]!;
    return found === LOST ? undefined : term(found);
  }

  placeOf(index: number): EntryPlace {
    assert(index > this.#base && index <= this.lastIndex, 'the place of a held entry is asked for');
    const row = index - this.#base - 1;
    return {
      segment: this.#segments[row]!,
      offset: this.#offsets[row]!,
      dataBytes: this.#lengths[row]!,
    };
  }

  /** Puts an entry at its index and drops what stood there and after it. */
  put(index: number, entryTerm: number, dataBytes: number): void {
    const row = index - this.#base - 1;
    assert(row >= 0 && row <= this.#size, 'entries leave no gap');
    if (row >= this.#terms.length) this.#grow();
    this.#terms[row] = entryTerm;
    this.#lengths[row] = dataBytes;
    this.#size = row + 1;
  }

  /** Puts entries that are known to have been there, and not what they were, up to `index`. */
  putLostThrough(index: number): void {
    while (this.lastIndex < index) this.put(this.lastIndex + 1, LOST, 0);
  }

  /** Notes where the record of an entry was written, if the entry is still held. */
  place(index: number, segment: number, offset: number): void {
    const row = index - this.#base - 1;
    if (row < 0 || row >= this.#size) return;
    this.#segments[row] = segment;
    this.#offsets[row] = offset;
  }

  /** Notes the term of the entry before the first, where the log alone does not tell it. */
  learnBaseTerm(baseTerm: Term): void {
    this.#baseTerm ??= baseTerm;
  }

  /** Forgets entries up to and including `index`. */
  dropThrough(index: number): void {
    const dropped = Math.min(index, this.lastIndex) - this.#base;
    if (dropped <= 0) return;
    this.#baseTerm = this.termAt(this.#base + dropped);
    for (const column of [this.#terms, this.#segments, this.#offsets, this.#lengths])
      column.copyWithin(0, dropped, this.#size);
    this.#base += dropped;
    this.#size -= dropped;
  }

  /** Forgets everything; the next entry is `index + 1`. */
  reset(index: number, baseTerm: Term | undefined): void {
    this.#base = index;
    this.#baseTerm = baseTerm;
    this.#size = 0;
  }

  #grow(): void {
    const size = this.#terms.length * 2;
    const terms = new Float64Array(size);
    terms.set(this.#terms);
    this.#terms = terms;
    const grown = (column: Uint32Array<ArrayBuffer>) => {
      const copy = new Uint32Array(size);
      copy.set(column);
      return copy;
    };
    this.#segments = grown(this.#segments);
    this.#offsets = grown(this.#offsets);
    this.#lengths = grown(this.#lengths);
  }
}
