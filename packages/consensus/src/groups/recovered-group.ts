import { type Term, TuttiError, term } from '@tutti/kernel';
import type { HardState } from '../raft/messages.ts';
import type { decodeRecord, RecordRow } from './group-record.ts';
import { GroupRows } from './group-rows.ts';

/** A group as the shared log tells it, in the order of its records. */
export class RecoveredGroup {
  readonly #group: string;
  readonly #rows = new Map<number, { readonly row: RecordRow; readonly record: number }>();
  #base = 0;
  #baseTerm: Term | undefined = term(0);
  #last = 0;
  hardState: HardState = { term: term(0), votedFor: undefined };
  hardStateRecord = 0;
  newestRecord = 0;
  /** The base that the newest record says. */
  loggedBase = 0;

  constructor(group: string) {
    this.#group = group;
  }

  take({ kind, base, baseTerm, hardState, rows }: ReturnType<typeof decodeRecord>, record: number): void {
    this.newestRecord = record;
    this.loggedBase = base;
    if (hardState) {
      this.hardState = hardState;
      this.hardStateRecord = record;
    }
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

  /** @throws TuttiError `TUTTI_STORE_CORRUPT` when an entry that the group had is not there */
  rows(): GroupRows {
    const rows = new GroupRows();
    rows.reset(this.#base, this.#baseTerm);
    for (let index = this.#base + 1; index <= this.#last; index++) {
      const found = this.#rows.get(index);
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
