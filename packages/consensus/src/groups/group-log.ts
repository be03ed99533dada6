import { assert, type Clock, type LogIndex, logIndex, type Term, TuttiError } from '@tutti/kernel';
import type { Entry, SnapshotMeta } from '../raft/messages.ts';
import type {
  LogStore,
  LogStoreState,
  LogWrite,
  SnapshotWriter,
  StoredSnapshot,
  WriteCallback,
} from '../storage/log-store.ts';
import type { MendCallback, ScrubDamage } from '../storage/scrub.ts';
import { leadsTo, type RepairCallback, type RepairStep, rangesOf } from '../storage/store-damage.ts';
import { encodeRecord, entryAt, type GroupRecord } from './group-record.ts';
import type { GroupState } from './group-state.ts';
import type { GroupSnapshots, SharedLog } from './shared-log.ts';

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
      if (failure) {
        state.open = false;
        return done(failure);
      }
      this.#state = state;
      state.snapshots = this.#snapshots;
      // A snapshot is taken of what was written: without any record, those are lost, and term and vote with them.
      if (state.newestRecord === Infinity && this.#snapshots.snapshot()) state.loss = { hardStateLost: true };
      this.#meetSnapshot(state, (unwritten) =>
        unwritten ? done(unwritten) : done(undefined, this.#report(state)),
      );
    });
  }

  /**
   * Brings log and snapshot together. A snapshot that was stored just before the end, and whose state the log does not
   * lead to, replaces the log.
   */
  #meetSnapshot({ rows }: GroupState, done: WriteCallback): void {
    const meta = this.#snapshots.snapshot()?.meta;
    if (meta && rows.base === meta.index) rows.learnBaseTerm(meta.term);
    const isBehind = meta && rows.base <= meta.index && rows.termAt(meta.index) !== meta.term;
    if (isBehind) this.resetToSnapshot(done);
    else done(undefined);
  }

  #report({ rows, hardState, loss, group }: GroupState): LogStoreState {
    const snapshot = this.#snapshots.snapshot()?.meta;
    const { firstIndex, lastIndex } = this;
    const isHeadless = rows.base > (snapshot?.index ?? 0);
    const lost = isHeadless ? [{ from: logIndex(1), to: logIndex(rows.base) }] : [];
    const damage = (isHeadless || loss) && {
      failure: damaged(
        group,
        isHeadless ? 'no snapshot leads up to it' : 'records of it cannot be read any more',
      ),
      lost,
      endLost: loss !== undefined,
      hardStateLost: loss?.hardStateLost ?? false,
    };
    return { hardState, snapshot, firstIndex, lastIndex, damage: damage || undefined };
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
    this.#write(state, state.head('write', write.hardState), write.entries, done);
  }

  #write(state: GroupState, head: GroupRecord, entries: readonly Entry[], done: WriteCallback): void {
    const encoded = encodeRecord(head, entries);
    const record = this.#shared.write(encoded, this.#tracked(done));
    for (const row of encoded.rows) state.rows.put(row, record);
    state.wrote(record, head.hardState !== undefined);
  }

  /** Something is under way until what is given is called. */
  #tracked(done: WriteCallback): WriteCallback {
    this.#underWay++;
    return (failure) => {
      done(failure);
      this.#underWay--;
      this.#idle();
    };
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

  checkRoom(): boolean {
    return this.#shared.checkRoom();
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
    // Term and vote as well where they are in doubt: what a reset does not say is not known after it.
    this.#write(state, state.head('reset', state.loss && state.hardState), [], done);
  }

  /** What is lost of one group is always its end, or the snapshot that leads up to its log. */
  repair(step: RepairStep, done: RepairCallback): void {
    const state = this.#open();
    const finish: WriteCallback = (failure) => {
      if (failure) done(failure);
      else if (this.#state === state) done(undefined, this.#report(state));
      else done(this.#closed());
    };
    assert(step.kind !== 'entries', 'a group loses nothing from the middle of its log');
    if (step.kind === 'snapshot') {
      const { rows } = state;
      const meta = this.snapshot()!.meta;
      if (leadsTo(meta, logIndex(rows.lastIndex), (index) => rows.termAt(index)))
        rows.dropThrough(meta.index);
      this.#clock.nextTurn(() => this.#meetSnapshot(state, finish));
    } else if (step.kind === 'cut') {
      state.rows.truncateFrom(step.from);
      state.loss ??= { hardStateLost: false };
      this.#shared.rewrite(state, this.#tracked(finish));
    } else {
      state.loss = undefined;
      state.hardState = step.hardState ?? state.hardState;
      this.#write(state, state.head('write', state.hardState, { isWhole: true }), [], finish);
    }
  }

  onDecay(found: (damage: ScrubDamage) => void): void {
    this.#open().found = found;
  }

  mend(entries: readonly Entry[], done: MendCallback): void {
    const state = this.#state;
    if (!state) return this.#clock.nextTurn(() => done(this.#closed()));
    const { rows, decayed } = state;
    if (!decayed) return this.#clock.nextTurn(() => done(undefined));
    const given = new Map(entries.map((entry) => [Number(entry.index), entry]));
    const lost = rows.within(decayed.lost);
    const missing = lost.filter((index) => given.get(index)?.term !== rows.termAt(index));
    const covered = this.snapshot()?.meta.index ?? 0;
    if (missing.some((index) => index > covered)) {
      const still: ScrubDamage = { failure: decayed.failure, part: 'log', lost: rangesOf(missing) };
      return this.#clock.nextTurn(() => done(undefined, still));
    }
    rows.dropThrough(missing.at(-1) ?? 0);
    const kept = lost.filter((index) => index > rows.base).map((index) => given.get(index)!);
    this.#shared.rescue(state, kept, this.#tracked(done));
  }

  close(done: WriteCallback): void {
    const state = this.#state;
    this.#state = undefined;
    if (!state) return this.#clock.nextTurn(() => done(undefined));
    state.found = undefined;
    state.snapshots = undefined;
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

const damaged = (group: string, problem: string): TuttiError =>
  new TuttiError('TUTTI_STORE_CORRUPT', { file: `the shared log, group ${group}`, offset: 0, problem });
