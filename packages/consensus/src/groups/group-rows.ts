import { assert } from '@tutti/kernel';
import { EntryColumns } from '../storage/entry-columns.ts';
import { isWithin, type LostRange } from '../storage/store-damage.ts';
import type { RecordRow } from './group-record.ts';

/** An idle group has a few entries at most, and there may be thousands of groups. */
const ROWS_AT_FIRST = 4;
const RECORD = 0;
const OFFSET = 1;
const LENGTH = 2;

/** Where in the shared log each entry of one group stands. */
export class GroupRows extends EntryColumns {
  constructor() {
    // The record by its index in the shared log, and where in it the data stand.
    super([new Float64Array(ROWS_AT_FIRST), new Uint32Array(ROWS_AT_FIRST), new Uint32Array(ROWS_AT_FIRST)]);
  }

  get lastIndex(): number {
    return this.end;
  }

  /** The record that an entry stands in. */
  recordOf(index: number): number {
    return this.#numberOf(index, RECORD);
  }

  /** The entries that stand in records at these places of the shared log, lowest first. */
  within(places: readonly LostRange[]): number[] {
    const found: number[] = [];
    if (places.length === 0) return found;
    for (let index = this.base + 1; index <= this.lastIndex; index++)
      if (isWithin(places, this.recordOf(index))) found.push(index);
    return found;
  }

  /** Bytes of an entry's data. */
  lengthOf(index: number): number {
    return this.#numberOf(index, LENGTH);
  }

  /** What stands in the record of an entry, and where. */
  rowAt(index: number): RecordRow {
    const entryTerm = this.termAt(index);
    assert(entryTerm !== undefined, 'the term of a held entry is known');
    const [offset, length] = [this.#numberOf(index, OFFSET), this.#numberOf(index, LENGTH)];
    return { index, term: entryTerm, offset, length };
  }

  #numberOf(index: number, column: number): number {
    const row = this.rowOf(index);
    assert(row !== undefined, 'the place of a held entry is asked for');
    return this.columns[column]![row]!;
  }

  /** Puts an entry at its place; what stood there and after it is forgotten. */
  put(row: RecordRow, record: number): void {
    this.putTerm(row.index, row.term);
    this.place(row, record);
  }

  /** An entry that is here stands somewhere else now. */
  place({ index, offset, length }: RecordRow, record: number): void {
    const row = this.rowOf(index);
    assert(row !== undefined, 'an entry that is moved is held');
    this.columns[RECORD]![row] = record;
    this.columns[OFFSET]![row] = offset;
    this.columns[LENGTH]![row] = length;
  }
}
