import { type Term, TuttiError, term } from '@tutti/kernel';
import type { HardState } from '../raft/messages.ts';
import type { decodeRecord, GroupLoss, RecordRow } from './group-record.ts';
import { GroupRows } from './group-rows.ts';

/** Where records are missing in the shared log. */
export interface LostRecords {
  /** Everything up to here may be missing, of what the log has not dropped by itself; 0 for nothing. */
  readonly through: number;
  /** Whether a record is missing after one place and before another. */
  isBetween(after: number, before: number): boolean;
}

/**
 * A group as the shared log tells it, in the order of its records. Each says which one of the group came before it, so
 * that a group whose records are all there is told from one that has lost some, whatever else is missing in the log. A
 * group that has lost a record keeps what it had until then; what comes after is built on what it does not know, and is
 * not looked at, but for term and vote.
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

  constructor(group: string, lost: LostRecords) {
    this.#group = group;
    this.#lost = lost;
  }

  take(found: ReturnType<typeof decodeRecord>, record: number): void {
    const isMissing = this.#isMissingBefore(found.previous, record);
    if (isMissing) this.#lose();
    const { kind, base, hardState } = found;
    this.newestRecord = record;
    this.loggedBase = base;
    if (hardState) {
      this.hardState = hardState;
      this.hardStateRecord = record;
      // What a loss that is noted says of them stands, until the group is whole.
      if (this.loss && !this.isLossLogged) this.loss = { hardStateLost: false };
    }
    // A reset without term and vote leaves it open what they are.
    const isKnown = !this.loss || this.isLossLogged;
    if (kind === 'reset' && (isKnown || hardState)) this.#noteLoss(found.loss);
    else if (found.isWhole && isKnown) this.#noteLoss(undefined);
    // What a loss that is not noted yet stands before says nothing of the log.
    if (!this.loss || this.isLossLogged) this.#apply(found, record);
  }

  /** A reset says all there is to say: what was lost before it does not matter any more, but for what it says itself. */
  #noteLoss(loss: GroupLoss | undefined): void {
    this.loss = loss;
    this.isLossLogged = loss !== undefined;
  }

  #isMissingBefore(previous: number | undefined, record: number): boolean {
    const lost = this.#lost;
    if (previous === undefined) return lost.isBetween(this.newestRecord, record);
    if (previous <= this.newestRecord) return false;
    return previous <= lost.through || lost.isBetween(previous - 1, previous + 1);
  }

  #lose(): void {
    this.loss = { hardStateLost: true };
    this.isLossLogged = false;
  }

  #apply({ kind, base, baseTerm, rows }: ReturnType<typeof decodeRecord>, record: number): void {
    if (kind === 'reset') {
      this.#rows.clear();
      this.#last = base;
    }
    if (base > this.#base || kind === 'reset') {
      this.#base = base;
      this.#baseTerm = baseTerm;
    }
    const first = rows[0];
    if (kind === 'write' && first) {
      for (let index = first.index; index <= this.#last; index++) this.#rows.delete(index);
      this.#last = first.index - 1;
    }
    for (const row of rows) {
      this.#rows.set(row.index, { row, record });
      this.#last = Math.max(this.#last, row.index);
    }
  }

  /** There are no more records: what is missing behind the last one may have been this group's. */
  end(lastRecord: number): void {
    if (this.#lost.isBetween(this.newestRecord, lastRecord + 1)) this.#lose();
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
