import { logIndex, TuttiError, term } from '@tutti/kernel';
import type { Entry } from '../../raft/messages.ts';
import type { LogRecord } from '../record.ts';
import type { MendCallback, ScrubCallback, ScrubDamage, ScrubStep } from '../scrub.ts';
import { rangesOf } from '../store-damage.ts';
import type { DiskCalls } from './disk-calls.ts';
import type { EntryIndex } from './entry-index.ts';
import type { EntryReader } from './entry-reader.ts';
import { inSlices, readSliced } from './in-slices.ts';
import { LogScrub } from './log-scrub.ts';
import type { LogWriter } from './log-writer.ts';
import type { Segment } from './segment.ts';
import {
  type DamagedStretch,
  damageOfSegment,
  type ReadSegment,
  type SegmentDamage,
} from './segment-damage.ts';
import { type Fill, type Rewritten, rewriteSegment } from './segment-rewrite.ts';
import { scanning } from './segment-scan.ts';
import type { SnapshotDirectory } from './snapshot-directory.ts';
import { SnapshotScrub } from './snapshot-scrub.ts';
import type { TailCache } from './tail-cache.ts';

/** The parts of an open store that are read again and mended. */
export interface StoreScrubParts {
  readonly disk: DiskCalls;
  readonly directory: string;
  readonly index: EntryIndex;
  readonly writer: LogWriter;
  readonly reader: EntryReader;
  readonly tail: TailCache;
  readonly snapshots: SnapshotDirectory;
}

/** Entries by their index. */
type Given = ReadonlyMap<number, Entry>;

const NONE: Given = new Map();
const NOTHING: ScrubStep = { bytes: 0, passEnded: false, damage: undefined };

/**
 * Reads a store that is in use again, and writes segments anew that have decayed. A crash at any moment leaves the
 * damage or what it was mended to: a segment takes its place by a rename. Before that it is ended, and something is
 * flushed behind it, so that a restart meanwhile takes nothing in it for a torn write.
 */
export class StoreScrub {
  readonly #parts: StoreScrubParts;
  readonly #log: LogScrub;
  readonly #snapshot: SnapshotScrub;
  #isLogRead = false;
  #damaged: Segment | undefined;
  /** One of which somebody could not read a record. */
  #suspect: Segment | undefined;
  #found: ((damage: ScrubDamage) => void) | undefined;
  #busy = false;
  #ended = false;

  constructor(parts: StoreScrubParts) {
    this.#parts = parts;
    this.#log = new LogScrub(parts.disk, () => parts.writer.segments);
    this.#snapshot = new SnapshotScrub(parts.disk, () => parts.snapshots.current);
  }

  /** @see LogStore.scrub */
  step(bytesMax: number, besideWrites: boolean, done: ScrubCallback): void {
    if (this.#busy || (!besideWrites && this.#parts.writer.isBusy))
      return this.#parts.disk.nextTurn(() => done(undefined, NOTHING));
    this.#busy = true;
    const finish: ScrubCallback = (failure, step) => {
      this.#free();
      done(failure, step);
    };
    if (this.#isLogRead) this.#readSnapshot(bytesMax, finish);
    else this.#readLog(bytesMax, finish);
  }

  #free(): void {
    this.#busy = false;
    if (this.#ended) this.#log.restart();
    else this.#lookAtSuspect();
  }

  /** @see LogStore.onDecay */
  onDecay(found: (damage: ScrubDamage) => void): void {
    this.#found = found;
  }

  /** Somebody could not read a record of this segment. All of it is looked at when what is known already is mended. */
  suspect(segment: Segment): void {
    if (!this.#found || this.#ended) return;
    this.#suspect = segment;
    if (!this.#busy) this.#lookAtSuspect();
  }

  #lookAtSuspect(): void {
    const segment = this.#suspect;
    if (!segment || this.#damaged) return;
    this.#busy = true;
    // Where the disk would not be read at all, whoever needs the record tries again.
    this.#read(segment, (_failure, read) => {
      this.#suspect = undefined;
      const damage = read && this.#look(segment, read);
      if (damage) this.#damaged = segment;
      this.#free();
      if (damage) this.#found?.(damage);
    });
  }

  /** Lets go of what it has open, as soon as nothing is under way. */
  end(): void {
    this.#ended = true;
    if (!this.#busy) this.#log.restart();
  }

  #readLog(bytesMax: number, done: ScrubCallback): void {
    this.#log.next(bytesMax, (failure, piece) => {
      if (failure || !piece) return done(failure);
      if (piece.isLast) this.#isLogRead = true;
      const { bytes, damaged } = piece;
      if (!damaged || this.#ended) return done(undefined, { bytes, passEnded: false, damage: undefined });
      this.#log.skip();
      this.#damaged = damaged;
      this.#read(damaged, (problem, read) => {
        if (problem) return done(problem);
        done(undefined, { bytes, passEnded: false, damage: read && this.#look(damaged, read) });
      });
    });
  }

  #look(segment: Segment, read: ReadSegment): ScrubDamage | undefined {
    const damage = damageOfSegment(read, segment, this.#parts.index);
    // It could not be read for once.
    return damage && this.#damage(segment, damage, this.#missing(damage, NONE));
  }

  /** Reads all of a segment while the loop goes on; calls back with nothing if it is not there any more. */
  #read(segment: Segment, done: (failure: Error | undefined, read?: ReadSegment) => void): void {
    const { disk, writer } = this.#parts;
    const { end, sequence, path } = segment;
    const isGone = (): boolean => this.#ended || !writer.segments.includes(segment);
    readSliced(disk, path, (failure, bytes) => {
      if (isGone()) return done(undefined);
      if (failure || !bytes) return done(failure);
      inSlices(disk, scanning(bytes.subarray(0, end), sequence), (problem, scan) => {
        if (isGone()) done(undefined);
        else done(problem, scan && { bytes, end, scan });
      });
    });
  }

  /** What was lost and is neither in memory nor among `given`. */
  #missing({ stretches }: SegmentDamage, given: Given): readonly number[] {
    return stretches.flatMap(({ entries }) => entries.filter((entry) => !this.#entry(entry, given)));
  }

  /** An entry under its index and term is the same everywhere (Log Matching, Raft figure 3). */
  #entry(index: number, given: Given): Entry | undefined {
    const { index: known, tail } = this.#parts;
    const held = tail.held(index);
    if (held) return held;
    const entry = given.get(index);
    return entry?.term === known.termAt(index) ? entry : undefined;
  }

  #damage({ path }: Segment, { offset }: SegmentDamage, missing: readonly number[]): ScrubDamage {
    const problem = 'a record that was flushed has decayed';
    const failure = new TuttiError('TUTTI_STORE_CORRUPT', { file: path, offset, problem });
    return { failure, part: 'log', lost: rangesOf(missing) };
  }

  #readSnapshot(bytesMax: number, done: ScrubCallback): void {
    this.#snapshot.next(bytesMax, (failure, step) => {
      if (step?.passEnded) this.#isLogRead = false;
      done(failure, step);
    });
  }

  /** @see LogStore.mend */
  mend(entries: readonly Entry[], done: MendCallback): void {
    const { disk, writer } = this.#parts;
    const segment = this.#damaged;
    if (!segment || this.#busy) return disk.nextTurn(() => done(undefined));
    this.#busy = true;
    const finish: MendCallback = (failure, still) => {
      this.#free();
      done(failure, still);
    };
    writer.seal(segment.sequence, (failure) => {
      if (failure || this.#ended) return finish(failure);
      // From now on nothing is written to it.
      this.#read(segment, (problem, read) => {
        if (problem) return finish(problem);
        writer.whenQuiet(() => {
          try {
            this.#rewrite(segment, read, new Map(entries.map((entry) => [entry.index, entry])), finish);
          } catch (thrown) {
            finish(thrown as Error);
          }
        });
      });
    });
  }

  #rewrite(segment: Segment, read: ReadSegment | undefined, given: Given, done: MendCallback): void {
    const { disk, directory, index, writer, snapshots } = this.#parts;
    const isThere = (): boolean => !this.#ended && writer.segments.includes(segment);
    const damage = read && isThere() ? damageOfSegment(read, segment, index) : undefined;
    if (!read || !damage) {
      this.#damaged = undefined;
      return done(undefined);
    }
    const missing = this.#missing(damage, given);
    const covered = snapshots.current?.meta.index ?? 0;
    if (missing.some((entry) => entry > covered))
      return done(undefined, this.#damage(segment, damage, missing));
    const dropped = missing.at(-1);
    const fills = damage.stretches.map((stretch) => this.#fill(segment, stretch, given, dropped));
    const { sequence } = segment;
    const rewrite = { sequence, fills, segments: writer.segments, isWanted: isThere, read };
    rewriteSegment(disk, directory, rewrite, (failure, rewritten) => {
      if (failure) return done(failure);
      if (rewritten) this.#replaced(segment, rewritten, dropped);
      this.#damaged = undefined;
      done(undefined);
    });
  }

  /** What stands in a stretch from now on: its entries, and before them where the log begins, if it does so there. */
  #fill(segment: Segment, stretch: DamagedStretch, given: Given, dropped = 0): Fill {
    const { after, entries } = stretch;
    const kept = entries.filter((index) => index > dropped);
    const records = kept.map((index): LogRecord => ({ type: 'entry', entry: this.#entry(index, given)! }));
    const beginning = this.#beginning(segment, stretch, dropped);
    return { after, records: beginning ? [beginning, ...records] : records };
  }

  /**
   * A stretch that the log begins in or behind may have held entries that were compacted: their files are there until
   * all of a file is. The log read back must not begin before them.
   */
  #beginning(segment: Segment, { offset, entries }: DamagedStretch, dropped: number): LogRecord | undefined {
    const { index } = this.#parts;
    if (entries.includes(dropped))
      return { type: 'reset', index: logIndex(dropped), term: index.termAt(dropped)! };
    if (index.base === 0 || index.isBefore(segment.sequence, offset)) return undefined;
    // Its term is not said: entries up to it may follow, and then the log begins with those.
    return { type: 'reset', index: logIndex(index.base), term: term(0) };
  }

  /** The segment is another file now, in which records may stand elsewhere. */
  #replaced(segment: Segment, { entries, end }: Rewritten, dropped: number | undefined): void {
    const { index, reader, tail } = this.#parts;
    reader.close();
    for (const { entry, offset } of entries) index.moved(entry, segment.sequence, offset);
    segment.end = end;
    if (dropped === undefined) return;
    index.dropThrough(dropped);
    tail.dropThrough(dropped);
  }
}
