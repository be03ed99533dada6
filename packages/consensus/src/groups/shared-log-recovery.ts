import { assert, type Clock, type LogIndex, logIndex, term } from '@tutti/kernel';
import type { Entry } from '../raft/messages.ts';
import type { LogStore, LogStoreState } from '../storage/log-store.ts';
import type { LostRange, RepairStep } from '../storage/store-damage.ts';
import { decodeRecord, encodeRecord, type GroupRecord, LOST_RECORD } from './group-record.ts';
import { type LostRecords, RecoveredGroup } from './recovered-group.ts';

/** Bytes of the log that are read in one turn. */
const READ_BYTES = 2 ** 20;

/** What a shared log holds. */
export interface RecoveredLog {
  readonly groups: ReadonlyMap<string, RecoveredGroup>;
  readonly lastIndex: number;
  /** Records were lost, and of a group that has none left nobody knows whether it had some. */
  readonly hasLostRecords: boolean;
  /** Everything up to here may be missing, since the store's snapshot is; 0 where it is there. */
  readonly headlessThrough: number;
}

type RecoveryCallback = (failure: Error | undefined, recovered?: RecoveredLog) => void;

/** The places of lost records, as they are met. */
class LostPlaces implements LostRecords {
  readonly through: number;
  readonly #ranges: { from: LogIndex; to: LogIndex }[] = [];

  constructor(through: number) {
    this.through = through;
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0 && this.through === 0;
  }

  add(index: LogIndex): void {
    const last = this.#ranges.at(-1);
    if (last && last.to + 1 === index) last.to = index;
    else this.#ranges.push({ from: index, to: index });
  }

  between(after: number, before: number): readonly LostRange[] {
    const touched = this.#ranges.filter(({ from, to }) => to > after && from < before);
    return touched.map(({ from, to }) => ({
      from: logIndex(Math.max(from, after + 1)),
      to: logIndex(Math.min(to, before - 1)),
    }));
  }
}

/**
 * Reads a shared log and tells its groups apart. What of its store cannot be read any more has no peer: each record was
 * one group's, and the nodes' shared logs differ. So a record that says no more than that one was lost takes the place
 * of each, and the store is whole again; which groups it concerns they find out by the chains of their records, and
 * have their own peers make up for it.
 */
export class SharedLogRecovery {
  readonly #store: LogStore;
  readonly #clock: Clock;
  /** Told of every record that is there, in order, and how large it is. */
  readonly #read: (index: number, record: GroupRecord, bytes: number) => void;

  constructor(
    store: LogStore,
    clock: Clock,
    read: (index: number, record: GroupRecord, bytes: number) => void,
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#read = read;
  }

  run(state: LogStoreState, begin: (firstIndex: number) => void, done: RecoveryCallback): void {
    this.#fill(state, (failure, filled) => {
      if (failure || !filled) return done(failure);
      begin(filled.firstIndex);
      this.#readAll(filled, done);
    });
  }

  /** Puts something in the place of all that is missing, but at the beginning. */
  #fill(state: LogStoreState, done: (failure: Error | undefined, state?: LogStoreState) => void): void {
    const { damage, firstIndex, lastIndex } = state;
    const again = (failure: Error | undefined, next?: LogStoreState): void =>
      failure || !next ? done(failure) : this.#fill(next, done);
    const hole = damage?.lost.find(({ from }) => from >= firstIndex);
    if (hole) {
      const entries = Array.from({ length: hole.to - hole.from + 1 }, (_, i) => lostAt(hole.from + i));
      return this.#store.repair({ kind: 'entries', entries }, again);
    }
    const whole: RepairStep = { kind: 'whole', hardState: undefined };
    if (damage?.endLost) return this.#closeEnd(lastIndex, whole, again);
    if (damage?.hardStateLost) return this.#store.repair(whole, again);
    done(undefined, state);
  }

  #closeEnd(
    lastIndex: number,
    whole: RepairStep,
    done: (failure: Error | undefined, state?: LogStoreState) => void,
  ): void {
    this.#store.repair({ kind: 'cut', from: logIndex(lastIndex + 1) }, (failure, cut) => {
      if (failure || !cut) return done(failure);
      const write = { hardState: undefined, entries: [lostAt(cut.lastIndex + 1)] };
      this.#store.append(write, (problem) => (problem ? done(problem) : this.#store.repair(whole, done)));
    });
  }

  #readAll({ damage, firstIndex, lastIndex }: LogStoreState, done: RecoveryCallback): void {
    const headlessThrough = damage ? firstIndex - 1 : 0;
    const lost = new LostPlaces(headlessThrough);
    const groups = new Map<string, RecoveredGroup>();
    let isForgetful = false;
    const take = (entry: Entry): void => {
      const record = decodeRecord(entry.data);
      this.#read(entry.index, record, entry.data.length);
      if (record.kind === 'lost' && record.group === '') {
        isForgetful = true;
        if (record.base === 0) lost.add(entry.index);
        return;
      }
      let group = groups.get(record.group);
      if (!group) groups.set(record.group, (group = new RecoveredGroup(record.group, lost)));
      if (record.kind === 'lost') group.lost(entry.index);
      else group.take(record, entry.index);
    };
    const readFrom = (from: number): void => {
      try {
        if (from <= lastIndex) {
          const entries = this.#store.entries(logIndex(from), lastIndex, READ_BYTES);
          assert(entries.length > 0, 'what the store holds can be read');
          for (const entry of entries) take(entry);
          return this.#clock.nextTurn(() => readFrom(entries.at(-1)!.index + 1));
        }
        for (const group of groups.values()) group.end(lastIndex);
      } catch (thrown) {
        return done(thrown instanceof Error ? thrown : new Error(String(thrown)));
      }
      const hasLostRecords = isForgetful || !lost.isEmpty;
      done(undefined, { groups, lastIndex, hasLostRecords, headlessThrough });
    };
    readFrom(firstIndex);
  }
}

const lostAt = (index: number): Entry => ({
  index: logIndex(index),
  term: term(1),
  kind: 'command',
  data: encodeRecord(LOST_RECORD, []).data,
});
