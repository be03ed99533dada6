import {
  assert,
  type Clock,
  isTuttiError,
  type Logger,
  logIndex,
  silentLogger,
  type Timer,
  TuttiError,
  term,
} from '@tutti/kernel';
import type { Entry } from '../raft/messages.ts';
import { attempt } from '../replica/turn-budget.ts';
import type { LogStore, WriteCallback } from '../storage/log-store.ts';
import type { ScrubCallback } from '../storage/scrub.ts';
import { storeDropMark } from './drop-mark.ts';
import { GroupLog } from './group-log.ts';
import { type EncodedRecord, encodeRecord, FORGOTTEN_RECORDS } from './group-record.ts';
import { GroupState } from './group-state.ts';
import { JointWrite } from './joint-write.ts';
import { RecordOwners } from './record-owners.ts';
import { SharedLogCleaner } from './shared-log-cleaner.ts';
import { type RecoveredLog, SharedLogRecovery } from './shared-log-recovery.ts';
import { SharedLogScrub } from './shared-log-scrub.ts';

/** Where a group keeps its snapshot: the part of a log store that has to do with it. */
export interface GroupSnapshots extends Pick<LogStore, 'open' | 'close' | 'snapshot' | 'beginSnapshot'> {
  /** As {@link LogStore.scrub}: nothing is ever written to a snapshot that is stored. */
  scrub?(bytesMax: number, done: ScrubCallback): void;
}

/** Where the log that several groups share is kept, and how large it grows. */
export interface SharedLogOptions {
  /** Holds the records of all groups as entries of its own. Opened and closed by the shared log, and used by it alone. */
  readonly store: LogStore;
  /** Where each group keeps its snapshot. */
  readonly snapshots: (group: string) => GroupSnapshots;
  readonly clock: Clock;
  /**
   * Once the log has grown by so many bytes, its older half is dropped; what groups still need of it is written again
   * first. Default 64 MiB. It grows to more where groups need more: at most by what was written again, twice.
   */
  readonly logBytes?: number;
  /** Told of what keeps the log from being cleaned. */
  readonly logger?: Logger;
}

/** Bytes of records that are handed to the store as one write at most. */
const WRITE_BYTES_MAX = 4 * 2 ** 20;
/** Between two looks for space while the log is opened. */
const LOOK_MS = 300;

interface Waiting {
  readonly data: Uint8Array;
  readonly done: WriteCallback;
}

/**
 * One log for the groups of a process: what they write in one turn of the event loop, and while a flush is under way, is
 * one write and one flush. Each group gets a `LogStore` of its own on it, with its own truncation, compaction and
 * snapshot; reading back tells the groups apart.
 *
 * It is a log of records over any `LogStore`, so durability, the treatment of torn writes and the checks against damage
 * are that store's. What damage takes away concerns single groups: each is repaired from its own peers, see
 * {@link SharedLogRecovery}, and while the log is in use {@link SharedLogScrub}.
 */
export class SharedLog {
  readonly #store: LogStore;
  readonly #options: SharedLogOptions;
  readonly #clock: Clock;
  readonly #groups = new Map<string, GroupState>();
  readonly #owners = new RecordOwners();
  readonly #cleaner: SharedLogCleaner;
  readonly #scrub: SharedLogScrub;
  #isSuspect = false;
  /** Records that the store has not been given yet, by index. */
  readonly #waiting = new Map<number, Waiting>();
  #nextIndex = 1;
  #scheduled = false;
  #writing = false;
  #opened = false;
  #looking: Timer | undefined;
  /** The store was closed because what was to be written while it was opened found no space. */
  #refused: TuttiError | undefined;
  #hasLostRecords = false;
  #lastRead: { readonly record: number; readonly data: Uint8Array } | undefined;
  /** Whether there was space, and when that was last looked at. */
  #room = { isThere: true, atMs: -Infinity };

  constructor(options: SharedLogOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#cleaner = new SharedLogCleaner({
      store: this.#store,
      clock: this.#clock,
      logBytes: options.logBytes ?? 64 * 2 ** 20,
      groups: () => this.#groups.values(),
      hasLostRecords: () => this.#hasLostRecords,
      write: (record, done) => this.write(record, done),
      read: (record) => this.read(record),
      dropped: (index) => this.#owners.dropThrough(index),
      logger: options.logger ?? silentLogger,
    });
    this.#scrub = new SharedLogScrub({
      store: this.#store,
      clock: this.#clock,
      owners: this.#owners,
      cleaner: this.#cleaner,
      groups: this.#groups,
      renewSnapshot: (done) => storeDropMark(this.#store, this.#store.snapshot()?.meta.index ?? 0, done),
    });
  }

  /**
   * Reads what is on disk and tells the groups apart. Where records cannot be read any more, the groups that they may
   * have been of say so when they are opened; the others go on. That is noted first, and a full disk refuses to open.
   * @throws TuttiError (through the callback) `TUTTI_STORE_*`
   */
  open(done: WriteCallback): void {
    this.#refused = undefined;
    this.#store.open((failure, state) => {
      if (failure) return done(failure);
      const fail = this.#closingFor(done);
      this.#lookForSpace(fail);
      const recovery = new SharedLogRecovery(this.#store, this.#clock, (index, record, bytes) => {
        this.#owners.add(index, record);
        this.#cleaner.wrote(index, bytes);
      });
      const begin = (firstIndex: number): void => {
        this.#owners.begin(firstIndex);
        this.#cleaner.begin(firstIndex);
      };
      recovery.run(state!, begin, (problem, recovered) => {
        const { failure: invalid } = attempt(() => recovered && this.#adopt(recovered));
        const wrong = problem ?? invalid ?? this.#refused;
        if (wrong) return fail(wrong);
        this.#noteLosses(recovered!, (unwritten) => {
          const unopened = unwritten ?? this.#refused;
          if (unopened) return fail(unopened);
          this.#endLooking();
          this.#opened = true;
          this.#store.onDecay?.((damage) => this.#scrub.found(damage));
          done(undefined);
        });
      });
    });
  }

  /** Closes the store at the first failure. Whoever is told may open it again: nobody is before it is closed. */
  #closingFor(done: WriteCallback): (failure: Error) => void {
    let told: Error | undefined;
    return (failure) => {
      const isClosing = told !== undefined;
      // What the store refuses for want of space names its place.
      if (!isClosing || isTuttiError(failure, 'TUTTI_STORE_FULL')) told = failure;
      if (isClosing) return;
      this.#endLooking();
      this.#store.close(() => done(told));
    };
  }

  /**
   * Until the log is open, no group looks whether there is space. What has waited for some, while nothing was read
   * either, is refused by closing the store. The look may itself have found some, and is answered as before: what is
   * written then goes to a store that is being closed, and nothing more is to be built on it.
   */
  #lookForSpace(refuse: (failure: Error) => void): void {
    const { bytes } = this;
    this.#looking = this.#clock.setTimer(LOOK_MS, () => {
      if (this.#store.checkRoom?.() !== false || this.bytes !== bytes) return this.#lookForSpace(refuse);
      this.#refused = new TuttiError('TUTTI_STORE_FULL', { directory: 'use by several groups' });
      refuse(this.#refused);
    });
  }

  #endLooking(): void {
    if (this.#looking) this.#clock.clearTimer(this.#looking);
  }

  #adopt({ groups, lastIndex, hasLostRecords }: RecoveredLog): void {
    this.#nextIndex = lastIndex + 1;
    this.#hasLostRecords = hasLostRecords;
    for (const [group, recovered] of groups)
      this.#groups.set(group, new GroupState(group, recovered.rows(), recovered));
  }

  /** What a group has forgotten is written down before anything is built on what it has left. */
  #noteLosses({ groups, headlessThrough }: RecoveredLog, done: WriteCallback): void {
    const forgetful = [...groups].filter(([, { loss, isLossLogged }]) => loss && !isLossLogged);
    const joint = new JointWrite((unwritten) => {
      const failure = unwritten ?? this.#refused;
      if (failure || headlessThrough === 0) done(failure);
      else this.#beginAfter(headlessThrough, done);
    });
    for (const [group] of forgetful) this.rewrite(this.#groups.get(group)!, joint.one());
    if (headlessThrough > 0) this.write(encodeRecord(FORGOTTEN_RECORDS, []), joint.one());
    joint.end();
  }

  /** The store's own snapshot says nothing; without one it does not know that it is whole. */
  #beginAfter(index: number, done: WriteCallback): void {
    storeDropMark(this.#store, index, (failure) => {
      if (failure) return done(failure);
      this.#store.repair({ kind: 'snapshot' }, (unrepaired) => done(unrepaired));
    });
  }

  /** Bytes of records that the log holds, needed or not. */
  get bytes(): number {
    return this.#cleaner.bytes;
  }

  /** The log of one group. It can be opened once the shared one is. */
  group(group: string): LogStore {
    return new GroupLog(this, this.#options.snapshots(group), () => this.#stateOf(group), this.#clock);
  }

  #stateOf(group: string): GroupState {
    if (!this.#opened) throw new TuttiError('TUTTI_CLOSED', { what: 'The shared log' });
    let state = this.#groups.get(group);
    if (!state) {
      this.#groups.set(group, (state = new GroupState(group)));
      // Nothing is left of it, and something may have been lost: it may have voted.
      if (this.#hasLostRecords) state.loss = { hardStateLost: true };
    }
    return state;
  }

  /** Writes all that a group has once more, and what it has forgotten: nothing that was said of it before counts. */
  rewrite(state: GroupState, done: WriteCallback): void {
    this.#cleaner.rewrite(state, done, true);
  }

  /**
   * {@link LogStore.scrub}, of the log and then of the snapshots of the groups that are open. What has decayed is put right
   * by the groups that it concerns, see {@link SharedLogScrub}: no step tells of damage.
   */
  scrub(bytesMax: number, besideWrites: boolean, done: ScrubCallback): void {
    if (this.#opened && this.#store.scrub) return this.#scrub.step(bytesMax, besideWrites, done);
    this.#clock.nextTurn(() => done(new TuttiError('TUTTI_CLOSED', { what: 'The shared log' })));
  }

  /** Whether there is anything that `scrub` could read. */
  get decays(): boolean {
    return this.#store.scrub !== undefined;
  }

  /** Whether something could not be read since this was last asked. */
  takeSuspicion(): boolean {
    const isSuspect = this.#isSuspect;
    this.#isSuspect = false;
    return isSuspect;
  }

  /** Writes what a group needs of records that have decayed, see {@link SharedLogScrub.rescue}. */
  rescue(state: GroupState, entries: readonly Entry[], done: WriteCallback): void {
    this.#scrub.rescue(state, entries, done);
  }

  /** Appends a record, and gives its place at once; calls back when it is durable. */
  write({ data, record }: EncodedRecord, done: WriteCallback): number {
    const index = this.#nextIndex++;
    this.#owners.add(index, record);
    this.#waiting.set(index, { data, done });
    this.#cleaner.wrote(index, data.length);
    this.#schedule();
    return index;
  }

  /** The bytes of a record, from memory or from the store. */
  read(record: number): Uint8Array {
    const waiting = this.#waiting.get(record);
    if (waiting) return waiting.data;
    if (this.#lastRead?.record === record) return this.#lastRead.data;
    const { failure, value: entries } = attempt(() =>
      this.#store.entries(logIndex(record), logIndex(record), Infinity),
    );
    if (isTuttiError(failure, 'TUTTI_STORE_CORRUPT')) this.#isSuspect = true;
    if (failure) throw failure;
    const [entry] = entries!;
    assert(entry, 'a record that is needed is in the log');
    this.#lastRead = { record, data: entry.data };
    return entry.data;
  }

  /** {@link LogStore.checkRoom}. All groups ask at each tick; looking once is enough for those that ask together. */
  checkRoom(): boolean {
    const atMs = this.#clock.now();
    if (this.#opened && atMs > this.#room.atMs)
      this.#room = { isThere: this.#store.checkRoom?.() !== false, atMs };
    return this.#room.isThere;
  }

  /** {@link LogStore.settle}. For all groups at once: none of them knows of what the others write. */
  settle(): void {
    if (this.#opened && !this.#writing) this.#store.settle?.();
  }

  #schedule(): void {
    if (this.#scheduled || this.#writing) return;
    this.#scheduled = true;
    this.#clock.nextTurn(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  /** One write under way; what comes meanwhile is the next. */
  #flush(): void {
    const entries: Entry[] = [];
    const told: WriteCallback[] = [];
    let bytes = 0;
    for (const [index, { data, done }] of this.#waiting) {
      if (bytes > 0 && bytes + data.length > WRITE_BYTES_MAX) break;
      bytes += data.length;
      entries.push({ index: logIndex(index), term: term(1), kind: 'command', data });
      told.push(done);
    }
    if (entries.length === 0) return;
    this.#writing = true;
    const write = { hardState: undefined, entries };
    this.#store.append(write, (failure) => {
      this.#writing = false;
      if (this.#waiting.size > 0) this.#flush();
      for (const tell of told) tell(failure);
      if (!failure && this.#opened) this.#cleaner.written(entries.at(-1)!.index);
    });
    // The store shows them from now on.
    for (const { index } of entries) this.#waiting.delete(index);
  }

  /** Waits for what is being written, and lets go of the store. */
  close(done: WriteCallback): void {
    this.#opened = false;
    this.#endLooking();
    this.#cleaner.end(() => this.#store.close(done));
  }
}
