import { assert, type LogIndex, logIndex } from '@tutti/kernel';
import type { Entry } from '../../raft/messages.ts';
import { EntryColumns, LOST } from '../entry-columns.ts';

/** Where an entry's record stands on disk. */
export interface EntryPlace {
  readonly segment: number;
  readonly offset: number;
  readonly dataBytes: number;
}

const ROWS_AT_FIRST = 1024;
const SEGMENT = 0;
const OFFSET = 1;
const LENGTH = 2;

/** Term and place of every entry held: some 24 bytes per entry. */
export class EntryIndex extends EntryColumns {
  constructor() {
    super([SEGMENT, OFFSET, LENGTH].map(() => new Uint32Array(ROWS_AT_FIRST)));
  }

  get firstIndex(): LogIndex {
    return logIndex(this.base + 1);
  }

  get lastIndex(): LogIndex {
    return logIndex(this.end);
  }

  get isEmpty(): boolean {
    return this.end === this.base;
  }

  placeOf(index: number): EntryPlace {
    const row = this.rowOf(index);
    assert(row !== undefined, 'the place of a held entry is asked for');
    const of = (column: number) => this.columns[column]![row]!;
    return { segment: of(SEGMENT), offset: of(OFFSET), dataBytes: of(LENGTH) };
  }

  /** Puts an entry at its index and drops what stood there and after it. */
  put(index: number, entryTerm: number, dataBytes: number): void {
    assert(index > this.base && index <= this.end + 1, 'entries leave no gap');
    const row = this.putTerm(index, entryTerm);
    this.columns[LENGTH]![row] = dataBytes;
    // It stands nowhere yet; segments are counted from 1.
    this.columns[SEGMENT]![row] = 0;
  }

  /** Tells the entries whose records stand in a segment, lowest first, and where in it. */
  eachIn(segment: number, tell: (index: number, offset: number) => void): void {
    const [segments, offsets] = [this.columns[SEGMENT]!, this.columns[OFFSET]!];
    const size = this.end - this.base;
    for (let row = 0; row < size; row++)
      if (segments[row] === segment) tell(this.base + 1 + row, offsets[row]!);
  }

  /** Whether the first entry stands before a place of the log. */
  isBefore(segment: number, offset: number): boolean {
    if (this.isEmpty) return false;
    const first = this.placeOf(this.firstIndex);
    return first.segment < segment || (first.segment === segment && first.offset < offset);
  }

  /** The record of an entry stands at another place of its segment now, if it is the one that counts. */
  moved({ index, term: entryTerm, data }: Entry, segment: number, offset: number): void {
    const row = this.rowOf(index);
    if (row === undefined || this.termAt(index) !== entryTerm) return;
    if (this.columns[SEGMENT]![row] !== segment) return;
    this.place(index, segment, offset);
    this.columns[LENGTH]![row] = data.length;
  }

  /** Puts entries that are known to have been there, and not what they were, up to `index`. */
  putLostThrough(index: number): void {
    while (this.lastIndex < index) this.put(this.lastIndex + 1, LOST, 0);
  }

  /** Notes where the record of an entry was written, if the entry is still held. */
  place(index: number, segment: number, offset: number): void {
    const row = this.rowOf(index);
    if (row === undefined) return;
    this.columns[SEGMENT]![row] = segment;
    this.columns[OFFSET]![row] = offset;
  }
}
