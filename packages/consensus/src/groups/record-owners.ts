import { assert, logIndex } from '@tutti/kernel';
import type { LostRange } from '../storage/store-damage.ts';
import { FORGOTTEN_RECORDS, type GroupRecord, LOST_RECORD, lostRecordOf } from './group-record.ts';

/** Records of no group: one that was lost before it could be told whose it was, and one that tells of such. */
const LOST = 0;
const FORGOTTEN = 1;
const FIRST_GROUP = 2;
/** Beside a group's number: nothing that counts stands in the record any more. */
const LEFT = 2 ** 31;
const PLACES_AT_FIRST = 1024;

/**
 * Whose each record of a shared log is: four bytes a record. A record that cannot be read any more does not tell, and
 * where the entries of the groups stand tells it of a few only: one may have had a vote, or what replaced others.
 */
export class RecordOwners {
  #first = 1;
  #size = 0;
  #numbers = new Uint32Array(PLACES_AT_FIRST);
  readonly #groups: string[] = [];
  readonly #numberOf = new Map<string, number>();
  /** Groups that have left a place, and whether there are records that nobody knows the group of. */
  readonly #leavers = new Set<number>();
  #hasUnknown = false;

  /** Forgets everything; the next record is the one at `firstIndex`. */
  begin(firstIndex: number): void {
    this.#first = firstIndex;
    this.#size = 0;
  }

  /** The record comes after all the others. */
  add(index: number, record: Pick<GroupRecord, 'kind' | 'group' | 'base'>): void {
    assert(index === this.#first + this.#size, 'records have their places one after another');
    if (this.#size === this.#numbers.length) {
      const grown = new Uint32Array(2 * this.#size);
      grown.set(this.#numbers);
      this.#numbers = grown;
    }
    const number = this.#numberFor(record);
    this.#numbers[this.#size++] = number;
    if (number >= LEFT) this.#leavers.add(number - LEFT);
    if (number === LOST) this.#hasUnknown = true;
  }

  #numberFor({ kind, group, base }: Pick<GroupRecord, 'kind' | 'group' | 'base'>): number {
    if (group === '') return base === 0 ? LOST : FORGOTTEN;
    let number = this.#numberOf.get(group);
    if (number === undefined) {
      number = FIRST_GROUP + this.#groups.length;
      this.#groups.push(group);
      this.#numberOf.set(group, number);
    }
    return kind === 'lost' ? number + LEFT : number;
  }

  /** Forgets the records up to and including `index`. */
  dropThrough(index: number): void {
    const dropped = Math.min(index + 1 - this.#first, this.#size);
    if (dropped <= 0) return;
    this.#numbers.copyWithin(0, dropped, this.#size);
    this.#first += dropped;
    this.#size -= dropped;
  }

  /** The groups that a record at one of these places is of, and may count for. */
  standingAt(places: readonly LostRange[]): ReadonlySet<string> {
    const found = new Set<number>();
    for (const at of this.#within(places)) found.add(this.#numbers[at]!);
    const groups = [...found].filter((number) => number >= FIRST_GROUP && number < LEFT);
    return new Set(groups.map((number) => this.#groups[number - FIRST_GROUP]!));
  }

  /** Of what this group has at these places, nothing counts any more: it stands elsewhere. */
  leave(group: string, places: readonly LostRange[]): void {
    const number = this.#numberOf.get(group);
    if (number === undefined) return;
    this.#leavers.add(number);
    for (const at of this.#within(places))
      if (this.#numbers[at] === number) this.#numbers[at] = number + LEFT;
  }

  /**
   * Places at which nothing that the group had counts any more. There may be others' in between, and records that nobody
   * knows the group of: a group that has all of its own needs nothing of those. What was dropped counts for nobody, and
   * is there again when the log is opened as long as its file is.
   */
  leftBy(group: string): readonly LostRange[] {
    const number = this.#numberOf.get(group) ?? LOST;
    const ranges: LostRange[] = [];
    if (this.#first > 1) ranges.push({ from: logIndex(1), to: logIndex(this.#first - 1) });
    if (!this.#leavers.has(number) && !this.#hasUnknown) return ranges;
    let from = -1;
    let to = -1;
    const end = (): void => {
      if (from >= 0) ranges.push({ from: logIndex(this.#first + from), to: logIndex(this.#first + to) });
      from = -1;
    };
    for (let at = 0; at < this.#size; at++) {
      const found = this.#numbers[at];
      if (found === number + LEFT || found === LOST) {
        if (from < 0) from = at;
        to = at;
      } else if (found === number) end();
    }
    end();
    return ranges;
  }

  /** What is put in the place of a record that cannot be read any more. */
  insteadOf(index: number): GroupRecord {
    const at = index - this.#first;
    const number = at >= 0 && at < this.#size ? this.#numbers[at]! : LOST;
    if (number === LOST) return LOST_RECORD;
    if (number === FORGOTTEN) return FORGOTTEN_RECORDS;
    return lostRecordOf(this.#groups[(number >= LEFT ? number - LEFT : number) - FIRST_GROUP]!);
  }

  *#within(places: readonly LostRange[]): Generator<number> {
    for (const { from, to } of places) {
      const end = Math.min(to - this.#first, this.#size - 1);
      for (let at = Math.max(0, from - this.#first); at <= end; at++) yield at;
    }
  }
}
