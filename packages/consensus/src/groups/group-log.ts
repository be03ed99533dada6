import { assert, type Clock, type LogIndex, logIndex, type Term, TuttiError, term } from '@tutti/kernel';
import type { Entry, HardState, SnapshotMeta } from '../raft/messages.ts';
import type {
  LogStore,
  LogStoreState,
  LogWrite,
  SnapshotWriter,
  StoredSnapshot,
  WriteCallback,
} from '../storage/log-store.ts';
import type { RepairCallback, RepairStep } from '../storage/store-damage.ts';
import { encodeRecord, entryAt, type RecordKind } from './group-record.ts';
import { GroupRows } from './group-rows.ts';
import type { RecoveredGroup } from './recovered-group.ts';
import type { GroupSnapshots, SharedLog } from './shared-log.ts';

/** What the shared log knows of one group, whether that is open or not. */
export class GroupState {
  readonly group: string;
  readonly rows: GroupRows;
  hardState: HardState;
  /** The records that have the hard state, and that were written last; and the base that the last one says. */
  hardStateRecord: number;
  newestRecord: number;
  loggedBase: number;
  open = false;

  constructor(group: string, rows = new GroupRows(), recovered?: RecoveredGroup) {
    this.group = group;
    this.rows = rows;
    this.hardState = recovered?.hardState ?? { term: term(0), votedFor: undefined };
    this.hardStateRecord = recovered?.hardStateRecord ?? Infinity;
    this.newestRecord = recovered?.newestRecord ?? Infinity;
    this.loggedBase = recovered?.loggedBase ?? 0;
  }

  wrote(record: number, withHardState: boolean): void {
    this.newestRecord = record;
    this.loggedBase = this.rows.base;
    if (withHardState) this.hardStateRecord = record;
  }
}

/** One group's log: a {@link LogStore} whose entries stand in a log that it shares with other groups. */
export class GroupLog implements LogStore {
  readonly #shared: SharedLog;
  readonly #snapshots: GroupSnapshots;
  readonly #find: () => GroupState;
  readonly #clock: Clock;
  #state: GroupState | undefined;
  #underWay = 0;
  #whenIdle: (() => void) | undefined;

  constructor(shared: SharedLog, snapshots: GroupSnapshots, find: () => GroupState, clock: Clock) {
    this.#shared = shared;
    this.#snapshots = snapshots;
    this.#find = find;
    this.#clock = clock;
  }

  get firstIndex(): LogIndex {
    return logIndex(this.#open().rows.base + 1);
  }

  get lastIndex(): LogIndex {
    return logIndex(this.#open().rows.lastIndex);
  }

  open(done: (failure: Error | undefined, state?: LogStoreState) => void): void {
    const refuse = (failure: unknown): void => this.#clock.nextTurn(() => done(failure as Error));
    let state: GroupState;
    try {
      state = this.#find();
    } catch (thrown) {
      return refuse(thrown);
    }
    if (state.open)
      return refuse(
        new TuttiError('TUTTI_STORE_LOCKED', { directory: `group ${state.group}`, pid: 'this one' }),
      );
    state.open = true;
    this.#snapshots.open((failure) => {
      const meta = failure ? undefined : this.#snapshots.snapshot()?.meta;
      const problem = failure ?? hole(state, meta);
      if (problem) {
        state.open = false;
        return done(problem);
      }
      this.#state = state;
      const { rows, hardState } = state;
      if (meta && rows.base === meta.index) rows.learnBaseTerm(meta.term);
      const report = (unwritten: Error | undefined): void => {
        const { firstIndex, lastIndex } = this;
        if (unwritten) done(unwritten);
        else done(undefined, { hardState, snapshot: meta, firstIndex, lastIndex });
      };
      // A snapshot that was stored just before the end, and whose state the log does not lead to, replaces the log.
      if (meta && rows.termAt(meta.index) !== meta.term) this.resetToSnapshot(report);
      else report(undefined);
    });
  }

  append(write: LogWrite, done: WriteCallback): void {
    const state = this.#state;
    if (!state) return this.#clock.nextTurn(() => done(this.#closed()));
    const { rows } = state;
    const first = write.entries[0];
    assert(
      !first || (first.index > rows.base && first.index <= rows.lastIndex + 1),
      'entries are written without a gap, and not over a snapshot',
    );
    if (write.hardState) state.hardState = write.hardState;
    this.#write(state, 'write', write.hardState, write.entries, done);
  }

  #write(
    state: GroupState,
    kind: RecordKind,
    hardState: HardState | undefined,
    entries: readonly Entry[],
    done: WriteCallback,
  ): void {
    const { rows, group } = state;
    const head = { kind, group, base: rows.base, baseTerm: rows.baseTerm ?? term(0), hardState };
    const encoded = encodeRecord(head, entries);
    this.#underWay++;
    const record = this.#shared.write(encoded, (failure) => {
      done(failure);
      this.#underWay--;
      this.#idle();
    });
    for (const row of encoded.rows) rows.put(row, record);
    state.wrote(record, hardState !== undefined);
  }

  termAt(index: LogIndex): Term | undefined {
    return this.#open().rows.termAt(index);
  }

  entries(from: LogIndex, to: LogIndex, maxBytes: number): readonly Entry[] {
    const { rows } = this.#open();
    const found: Entry[] = [];
    let bytes = 0;
    if (from <= rows.base) return found;
    for (let index: number = from; index <= Math.min(to, rows.lastIndex); index++) {
      bytes += rows.lengthOf(index);
      if (found.length > 0 && bytes > maxBytes) break;
      found.push(entryAt(this.#shared.read(rows.recordOf(index)), rows.rowAt(index)));
    }
    return found;
  }

  snapshot(): StoredSnapshot | undefined {
    return this.#snapshots.snapshot();
  }

  beginSnapshot(meta: SnapshotMeta): SnapshotWriter {
    return this.#snapshots.beginSnapshot(meta);
  }

  compact(index: LogIndex): void {
    const { rows } = this.#open();
    assert(index <= (this.snapshot()?.meta.index ?? 0), 'only what the snapshot covers is dropped');
    rows.dropThrough(index);
  }

  resetToSnapshot(done: WriteCallback): void {
    const state = this.#open();
    const meta = this.snapshot()?.meta;
    assert(meta, 'a snapshot is stored');
    state.rows.reset(meta.index, meta.term);
    this.#write(state, 'reset', undefined, [], done);
  }

  /** The shared log is refused as a whole when it is damaged, so there is never anything to put right here. */
  repair(_step: RepairStep, done: RepairCallback): void {
    const what = 'A log that several groups share';
    this.#clock.nextTurn(() =>
      done(new TuttiError('TUTTI_INTERNAL', { problem: `${what} is not repaired` })),
    );
  }

  close(done: WriteCallback): void {
    const state = this.#state;
    this.#state = undefined;
    if (!state) return this.#clock.nextTurn(() => done(undefined));
    this.#whenIdle = () => {
      state.open = false;
      this.#snapshots.close(done);
    };
    this.#idle();
  }

  #idle(): void {
    if (this.#underWay > 0) return;
    const action = this.#whenIdle;
    this.#whenIdle = undefined;
    action?.();
  }

  #open(): GroupState {
    if (!this.#state) throw this.#closed();
    return this.#state;
  }

  #closed(): TuttiError {
    return new TuttiError('TUTTI_CLOSED', { what: 'The log store' });
  }
}

/** Every entry is in the log or in the snapshot, with none missing between them. */
function hole({ rows, group }: GroupState, meta: SnapshotMeta | undefined): TuttiError | undefined {
  if (rows.base <= (meta?.index ?? 0)) return undefined;
  return new TuttiError('TUTTI_STORE_CORRUPT', {
    file: `the shared log, group ${group}`,
    offset: 0,
    problem: `the log begins at entry ${rows.base + 1}, and no snapshot leads up to it`,
  });
}
