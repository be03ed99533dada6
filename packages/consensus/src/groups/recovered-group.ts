import { logIndex, type Term, TuttiError, term } from '@tutti/kernel';
import type { HardState } from '../raft/messages.ts';
import { type LostRange, without } from '../storage/store-damage.ts';
import type { decodeRecord, GroupLoss, RecordRow } from './group-record.ts';
import { GroupRows } from './group-rows.ts';

/** Where records are missing in the shared log, and nobody knows whose. */
export interface LostRecords {
  /** Everything up to here may be missing, of what the log has not dropped by itself; 0 for nothing. */
  readonly through: number;
  /** The places of missing records after one place and before another. */
  between(after: number, before: number): readonly LostRange[];
}

type Found = ReturnType<typeof decodeRecord>;

/** A record of the group, and its place. */
interface Placed {
  readonly found: Found;
  readonly record: number;
}

/**
 * A group as the shared log tells it, in the order of its records. Each says which one of the group came before it, so
 * that a group whose records are all there is told from one that has lost some, whatever else is missing in the log. A
 * group that has lost a record keeps what it had until then; what comes after is built on what it does not know, and is
 * not looked at, but for term and vote. Unless a later record makes up for all that is missing: then it counts.
 */
export class RecoveredGroup {
  readonly #group: string;
  readonly #lost: LostRecords;
  readonly #rows = new Map<number, { readonly row: RecordRow; readonly record: number }>();
  #base = 0;
  #baseTerm: Term | undefined = term(0);
  #last = 0;
  hardState: HardState = { term: term(0), votedFor: undefined };
  hardStateRecord = 0;
  newestRecord = 0;
  /** The base that the newest record says. */
  loggedBase = 0;
  /** What it has forgotten, and whether a record of its own says so. */
  loss: GroupLoss | undefined;
  isLossLogged = false;
  /** Places of records that are missing, where no record of its own says so; and the records that come behind them. */
  #missing: readonly LostRange[] = [];
  #behind: Placed[] = [];

  constructor(group: string, lost: LostRecords) {
    this.#group = group;
    this.#lost = lost;
  }

  take(found: Found, record: number): void {
    const missing = this.#missingBefore(found.previous, record);
    if (missing.length > 0) this.#lose(missing);
    this.newestRecord = record;
    this.loggedBase = found.base;
    if (found.mends) this.#makeUp(found.mends.places);
    this.#understand({ found, record });
  }

  #understand({ found, record }: Placed): void {
    const { kind, hardState } = found;
    if (hardState) {
      this.hardState = hardState;
      this.hardStateRecord = record;
      // What a loss that is noted says of them stands, until the group is whole; also where the note itself is lost, for
      // every record says it that was written meanwhile.
      if (this.loss && !this.isLossLogged) this.loss = { hardStateLost: found.loss?.hardStateLost ?? false };
    }
    // A reset without term and vote leaves it open what they are.
    const isKnown = !this.loss || this.isLossLogged;
    if (kind === 'reset' && (isKnown || hardState)) this.#noteLoss(found.loss);
    else if (found.isWhole && isKnown) this.#noteLoss(undefined);
    // A group of which nothing was left may write before it has noted that.
    else if (found.loss && !this.loss) this.#noteLoss(found.loss);
    // What a loss that is not noted yet stands before says nothing of the log.
    if (!this.loss || this.isLossLogged) this.#apply(found, record);
    else this.#behind.push({ found, record });
  }

  /** A reset says all there is to say: what was lost before it does not matter any more, but for what it says itself. */
  #noteLoss(loss: GroupLoss | undefined): void {
    this.loss = loss;
    this.isLossLogged = loss !== undefined;
    this.#missing = [];
    this.#behind = [];
  }

  /** A record that is missing right before this one, with those before it that may be its own. */
  #missingBefore(previous: number | undefined, record: number): readonly LostRange[] {
    const { newestRecord } = this;
    if (previous === undefined) return this.#lost.between(newestRecord, record);
    if (previous <= newestRecord) return [];
    // Whatever came before it as well, for which nothing makes up.
    if (previous <= this.#lost.through) return [{ from: logIndex(0), to: logIndex(previous) }];
    const isLost = this.#lost.between(previous - 1, previous + 1).length > 0;
    return isLost ? this.#lost.between(newestRecord, previous + 1) : [];
  }

  /** The record that stood at this place was its own. */
  lost(place: number): void {
    this.#lose([{ from: logIndex(place), to: logIndex(place) }]);
  }

  #lose(places: readonly LostRange[]): void {
    this.loss = { hardStateLost: true };
    this.isLossLogged = false;
    this.#missing = [...this.#missing, ...places];
  }

  /**
   * A record that was written by the group while it was whole has all that counted of its records at these places. Where
   * no other is missing, what comes behind them is looked at after all, and then what that record says.
   */
  #makeUp(places: readonly LostRange[]): void {
    if (this.#missing.length === 0) return;
    this.#missing = without(this.#missing, places);
    if (this.#missing.length > 0) return;
    const behind = this.#behind;
    this.#noteLoss(undefined);
    for (const placed of behind) this.#understand(placed);
    this.#noteLoss(undefined);
  }

  #apply({ kind, base, baseTerm, rows, mends }: Found, record: number): void {
    if (kind === 'reset') {
      this.#rows.clear();
      this.#last = base;
    }
    if (base > this.#base || kind === 'reset') {
      this.#base = base;
      this.#baseTerm = baseTerm;
    }
    const first = rows[0];
    if (kind === 'write' && first) this.#endAt(first.index - 1);
    for (const row of rows) {
      this.#rows.set(row.index, { row, record });
      this.#last = Math.max(this.#last, row.index);
    }
    if (mends) this.#endAt(mends.last);
  }

  #endAt(last: number): void {
    for (let index = last + 1; index <= this.#last; index++) this.#rows.delete(index);
    this.#last = last;
  }

  /** There are no more records: what is missing behind the last one may have been this group's. */
  end(lastRecord: number): void {
    const missing = this.#lost.between(this.newestRecord, lastRecord + 1);
    if (missing.length > 0) this.#lose(missing);
  }

  /** @throws TuttiError `TUTTI_STORE_CORRUPT` when an entry that the group had is not there */
  rows(): GroupRows {
    const rows = new GroupRows();
    rows.reset(this.#base, this.#baseTerm);
    for (let index = this.#base + 1; index <= this.#last; index++) {
      const found = this.#rows.get(index);
      // What the log has dropped since stood in records behind: they may be the ones that are lost.
      if (!found && this.loss) break;
      if (!found)
        throw new TuttiError('TUTTI_STORE_CORRUPT', {
          file: `the shared log, group ${this.#group}`,
          offset: 0,
          problem: `entry ${index} is missing, though ${this.#last} is there`,
        });
      rows.put(found.row, found.record);
    }
    return rows;
  }
}
