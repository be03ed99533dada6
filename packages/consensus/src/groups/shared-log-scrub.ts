import { assert, type Clock, logIndex, TuttiError, term } from '@tutti/kernel';
import type { Entry } from '../raft/messages.ts';
import type { LogStore, WriteCallback } from '../storage/log-store.ts';
import type { ScrubCallback, ScrubDamage, ScrubStep } from '../storage/scrub.ts';
import { isWithin, rangesOf } from '../storage/store-damage.ts';
import { encodeRecord } from './group-record.ts';
import type { GroupState } from './group-state.ts';
import { JointWrite } from './joint-write.ts';
import type { RecordOwners } from './record-owners.ts';
import { KEPT_BYTES, type SharedLogCleaner } from './shared-log-cleaner.ts';

/** Groups that are told of what has decayed in one turn. */
const GROUPS_AT_ONCE = 32;
/** Groups that have not got what they need for so long are left to the next pass; it finds the same again. */
const PATIENCE_MS = 30_000;

export interface SharedLogScrubParts {
  readonly store: LogStore;
  readonly clock: Clock;
  readonly owners: RecordOwners;
  readonly cleaner: Pick<SharedLogCleaner, 'put' | 'rewrite'>;
  readonly groups: ReadonlyMap<string, GroupState>;
  /** Has the store's own snapshot, which says nothing, written once more. */
  readonly renewSnapshot: (done: WriteCallback) => void;
}

/** What has decayed and is not mended yet. */
interface Decayed {
  readonly damage: ScrubDamage;
  readonly since: number;
  /** Groups that see to it: who was told, or that it was not in use. */
  readonly told: Map<GroupState, GroupState['found'] | 'closed'>;
}

const NOTHING: ScrubStep = { bytes: 0, passEnded: false, damage: undefined };

/**
 * Reads a shared log in use again, and the snapshots of its groups. Nobody has a copy of a record that has decayed: each
 * was one group's, and the nodes' logs differ. But everything that counts of it is known here, or to the group's peers.
 *
 * So each group whose records stood at the places writes what counts of them at the end of the log, fetched where it has
 * to be, with a word of what that makes up for. Only when all of them have, and it is durable, is something put in the
 * places themselves. A crash leaves the damage, or damage that is made up for, or a log that is whole; what no group has
 * made up for is never taken for mended.
 */
export class SharedLogScrub {
  readonly #parts: SharedLogScrubParts;
  #busy = false;
  #decayed: Decayed | undefined;
  /** The groups whose snapshots are still to be read in this pass; undefined while the log is. */
  #snapshots: Iterator<GroupState> | undefined;
  #reading: GroupState | undefined;

  constructor(parts: SharedLogScrubParts) {
    this.#parts = parts;
  }

  /** @see LogStore.scrub Damage is dealt with in the steps that follow, which read nothing; each step says none. */
  step(bytesMax: number, besideWrites: boolean, done: ScrubCallback): void {
    if (this.#busy) return this.#parts.clock.nextTurn(() => done(undefined, NOTHING));
    this.#busy = true;
    const finish: ScrubCallback = (failure, step) => {
      this.#busy = false;
      done(failure, step);
    };
    if (this.#decayed) this.#goOn(this.#decayed, finish);
    else if (this.#snapshots) this.#readSnapshot(this.#snapshots, bytesMax, finish);
    else this.#readLog(bytesMax, besideWrites, finish);
  }

  #readLog(bytesMax: number, besideWrites: boolean, done: ScrubCallback): void {
    this.#parts.store.scrub!(bytesMax, besideWrites, (failure, step) => {
      if (failure || !step) return done(failure);
      const { bytes, passEnded, damage } = step;
      if (passEnded) this.#snapshots = this.#parts.groups.values();
      const read: ScrubStep = { bytes, passEnded: false, damage: undefined };
      if (damage?.part === 'snapshot') return this.#parts.renewSnapshot((problem) => done(problem, read));
      if (damage) this.#begin(damage);
      done(undefined, read);
    });
  }

  /** Somebody who needed a record could not read it; the next steps deal with that, unless others are being dealt with. */
  found(damage: ScrubDamage): void {
    if (!this.#decayed) this.#begin(damage);
  }

  #begin(damage: ScrubDamage): void {
    this.#decayed = { damage, since: this.#parts.clock.now(), told: new Map() };
  }

  /** One snapshot after another; groups that have none are passed over. */
  #readSnapshot(groups: Iterator<GroupState>, bytesMax: number, done: ScrubCallback): void {
    let group = this.#reading;
    while (!group?.snapshots?.scrub || !group.snapshots.snapshot()) {
      const next = groups.next();
      if (next.done) {
        this.#snapshots = undefined;
        this.#reading = undefined;
        return this.#parts.clock.nextTurn(() => done(undefined, { ...NOTHING, passEnded: true }));
      }
      group = next.value;
    }
    this.#reading = group;
    group.snapshots.scrub(bytesMax, (failure, step) => {
      if (failure || !step) return done(failure);
      if (step.passEnded) this.#reading = undefined;
      if (step.damage) group.found?.(step.damage);
      done(undefined, { bytes: step.bytes, passEnded: false, damage: undefined });
    });
  }

  /** Has the groups see to what they need; when nothing is needed of the places any more, they are filled. */
  #goOn(decayed: Decayed, done: ScrubCallback): void {
    const { owners, groups, clock } = this.#parts;
    const standing = owners.standingAt(decayed.damage.lost);
    if (standing.size === 0) return this.#fill(decayed, done);
    let count = 0;
    for (const name of standing) {
      if (count >= GROUPS_AT_ONCE) break;
      if (this.#seeTo(groups.get(name)!, decayed)) count++;
    }
    if (count === 0 && clock.now() - decayed.since >= PATIENCE_MS) this.#decayed = undefined;
    clock.nextTurn(() => done(undefined, NOTHING));
  }

  /** @returns whether that was news to the group */
  #seeTo(group: GroupState, { damage, told }: Decayed): boolean {
    const listener = group.open ? group.found : 'closed';
    if (told.has(group) && told.get(group) === listener) return false;
    // One that is being repaired says anew what it has when it is whole.
    if (group.open && group.loss) return false;
    const standing = group.rows.within(damage.lost);
    if (standing.length > 0 && !listener) return false;
    told.set(group, listener);
    group.decayed = damage;
    if (group.loss) this.#loseEnd(group, standing[0]);
    else if (standing.length === 0) this.rescue(group, [], () => {});
    else if (listener === 'closed') this.#loseEnd(group, standing[0]);
    else listener!({ ...damage, lost: rangesOf(standing) });
    return true;
  }

  /** Nobody fetches for a group that is not in use: it is noted that it has lost its end, and made up for when it is. */
  #loseEnd(group: GroupState, from: number | undefined): void {
    const { lost } = group.decayed!;
    if (from !== undefined) group.rows.truncateFrom(from);
    group.loss ??= { hardStateLost: false };
    this.#parts.cleaner.rewrite(
      group,
      (failure) => {
        if (!failure) this.#parts.owners.leave(group.group, lost);
      },
      true,
    );
  }

  /**
   * Writes once more what a group needs of the records that have decayed, which is given: a piece in each turn, and with
   * the last one what they make up for. Calls back when they are durable; then nothing of the group stands there any more.
   */
  rescue(group: GroupState, entries: readonly Entry[], done: WriteCallback): void {
    const { cleaner, owners, clock } = this.#parts;
    const { lost: places } = group.decayed!;
    const { rows } = group;
    const left = [...entries];
    const joint = new JointWrite((failure) => {
      if (!failure) owners.leave(group.group, places);
      done(failure);
    });
    const next = (): void => {
      if (group.loss) return joint.end(new TuttiError('TUTTI_CLOSED', { what: `The log of ${group.group}` }));
      // What has been replaced or compacted meanwhile is needed no more.
      const piece = pieceOf(left).filter(
        ({ index, term: its }) => rows.termAt(index) === its && index > rows.base && stands(index),
      );
      if (left.length > 0) {
        cleaner.put(group, 'kept', piece, joint.one());
        return clock.nextTurn(next);
      }
      assert(
        rows.within(places).length === piece.length,
        'all that stands where it decayed is written again',
      );
      // What stood elsewhere and was made up for by one of these records is made up for by this one.
      const mends = { last: rows.lastIndex, places: [...places, ...owners.leftBy(group.group)] };
      cleaner.put(group, 'kept', piece, joint.one(), mends);
      joint.end();
    };
    const stands = (index: number): boolean => isWithin(places, rows.recordOf(index));
    next();
  }

  /** Puts something in the places of what has decayed, which says whose it was. */
  #fill({ damage }: Decayed, done: ScrubCallback): void {
    const { store, owners } = this.#parts;
    const entries: Entry[] = [];
    for (const { from, to } of damage.lost)
      for (let index = Number(from); index <= to; index++) {
        const { data } = encodeRecord(owners.insteadOf(index), []);
        entries.push({ index: logIndex(index), term: term(1), kind: 'command', data });
      }
    store.mend!(entries, (failure, still) => {
      if (failure) return done(failure);
      this.#decayed = undefined;
      // More has decayed meanwhile.
      if (still) this.#begin(still);
      done(undefined, NOTHING);
    });
  }
}

/** Takes the first entries that go into one record. */
function pieceOf(left: Entry[]): Entry[] {
  let count = 0;
  for (let bytes = 0; count < left.length && bytes < KEPT_BYTES; count++) bytes += left[count]!.data.length;
  return left.splice(0, count);
}
