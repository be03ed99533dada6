import { isTuttiError, type LogIndex, logIndex, TuttiError, term } from '@tutti/kernel';
import type { Entry } from '../../raft/messages.ts';
import type { LogRecord } from '../record.ts';
import type { MendCallback, ScrubCallback, ScrubDamage, ScrubStep } from '../scrub.ts';
import type { LostRange } from '../store-damage.ts';
import type { DiskCalls } from './disk-calls.ts';
import type { EntryIndex } from './entry-index.ts';
import type { EntryReader } from './entry-reader.ts';
import { type LogPiece, LogScrub } from './log-scrub.ts';
import type { LogWriter } from './log-writer.ts';
import type { Segment } from './segment.ts';
import { type DamagedStretch, damageOfSegment, type SegmentDamage } from './segment-damage.ts';
import { type Fill, rewriteSegment } from './segment-rewrite.ts';
import { scanSegment } from './segment-scan.ts';
import type { SnapshotDirectory } from './snapshot-directory.ts';
import type { SnapshotFile } from './snapshot-file.ts';
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

const NOTHING: ScrubStep = { bytes: 0, passEnded: false, damage: undefined };

/**
 * Reads a store that is in use again, and writes segments anew that have decayed. A crash at any moment leaves the
 * damage or what it was mended to: a segment takes its place by a rename. Before that it is ended, and something is
 * flushed behind it, so that a restart meanwhile takes nothing in it for a torn write.
 */
export class StoreScrub {
  readonly #parts: StoreScrubParts;
  readonly #log: LogScrub;
  #snapshot: SnapshotFile | undefined;
  /** How far the snapshot has been read; undefined while the log is. */
  #snapshotFrom: number | undefined;
  #damaged: Segment | undefined;
  #busy = false;
  #ended = false;

  constructor(parts: StoreScrubParts) {
    this.#parts = parts;
    this.#log = new LogScrub(parts.disk, () => parts.writer.segments);
  }

  /** @see LogStore.scrub */
  step(bytesMax: number, done: ScrubCallback): void {
    if (this.#busy || this.#parts.writer.isBusy)
      return this.#parts.disk.nextTurn(() => done(undefined, NOTHING));
    this.#busy = true;
    const finish: ScrubCallback = (failure, step) => {
      this.#free();
      done(failure, step);
    };
    if (this.#snapshotFrom !== undefined) this.#readSnapshot(this.#snapshotFrom, bytesMax, finish);
    else this.#readLog(bytesMax, finish);
  }

  #free(): void {
    this.#busy = false;
    if (this.#ended) this.#log.restart();
  }

  /** Lets go of what it has open, as soon as nothing is under way. */
  end(): void {
    this.#ended = true;
    if (!this.#busy) this.#log.restart();
  }

  #readLog(bytesMax: number, done: ScrubCallback): void {
    this.#log.next(bytesMax, (failure, piece) => {
      if (failure || !piece) return done(failure);
      if (piece.isLast) this.#snapshotFrom = 0;
      done(undefined, { bytes: piece.bytes, passEnded: false, damage: this.#damageOf(piece) });
    });
  }

  #damageOf({ damaged }: LogPiece): ScrubDamage | undefined {
    if (!damaged || this.#ended) return undefined;
    this.#log.skip();
    this.#damaged = damaged;
    const found = this.#examined(damaged);
    // It has been compacted away meanwhile, or could not be read for once.
    if (!found) return undefined;
    return this.#damage(damaged, found.damage, this.#missing(found.damage, []));
  }

  #examined(segment: Segment): { damage: SegmentDamage; bytes: Buffer } | undefined {
    const { disk, index, writer } = this.#parts;
    if (!writer.segments.includes(segment)) return undefined;
    const bytes = disk.readFileSync(segment.path);
    const damage = damageOfSegment(bytes, segment, index);
    return damage && { damage, bytes };
  }

  /** What was lost and is neither in memory nor among `given`. */
  #missing({ stretches }: SegmentDamage, given: readonly Entry[]): readonly number[] {
    return stretches.flatMap(({ entries }) => entries.filter((entry) => !this.#entry(entry, given)));
  }

  /** An entry under its index and term is the same everywhere (Log Matching, Raft figure 3). */
  #entry(index: number, given: readonly Entry[]): Entry | undefined {
    const { index: known, tail } = this.#parts;
    return (
      tail.held(index) ?? given.find((entry) => entry.index === index && entry.term === known.termAt(index))
    );
  }

  #damage({ path }: Segment, { offset }: SegmentDamage, missing: readonly number[]): ScrubDamage {
    const problem = 'a record that was flushed has decayed';
    const failure = new TuttiError('TUTTI_STORE_CORRUPT', { file: path, offset, problem });
    return { failure, part: 'log', lost: rangesOf(missing) };
  }

  #readSnapshot(from: number, bytesMax: number, done: ScrubCallback): void {
    const { current } = this.#parts.snapshots;
    const end = (bytes: number, damage?: ScrubDamage): void => {
      this.#snapshotFrom = undefined;
      done(undefined, { bytes, passEnded: true, damage });
    };
    if (!current) return this.#parts.disk.nextTurn(() => end(0));
    // Another one has taken its place, and is read from its beginning.
    const at = current === this.#snapshot ? from : 0;
    this.#snapshot = current;
    current.scrub(at, bytesMax, (failure, next, bytes) => {
      if (isTuttiError(failure, 'TUTTI_STORE_CORRUPT'))
        return end(bytes, current === this.#parts.snapshots.current ? snapshotDamage(failure) : undefined);
      if (failure) return done(failure);
      if (next === undefined) return end(bytes);
      this.#snapshotFrom = next;
      done(undefined, { bytes, passEnded: false, damage: undefined });
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
      writer.whenQuiet(() => {
        try {
          this.#rewrite(segment, entries, finish);
        } catch (thrown) {
          finish(thrown as Error);
        }
      });
    });
  }

  #rewrite(segment: Segment, given: readonly Entry[], done: MendCallback): void {
    const { disk, directory, writer, snapshots } = this.#parts;
    const found = this.#ended ? undefined : this.#examined(segment);
    if (!found) {
      this.#damaged = undefined;
      return done(undefined);
    }
    const missing = this.#missing(found.damage, given);
    const covered = snapshots.current?.meta.index ?? 0;
    if (missing.some((index) => index > covered))
      return done(undefined, this.#damage(segment, found.damage, missing));
    const dropped = missing.at(-1);
    const { sequence } = segment;
    const fills = found.damage.stretches.map((stretch) => this.#fill(segment, stretch, given, dropped));
    const isWanted = (): boolean => !this.#ended && writer.segments.includes(segment);
    rewriteSegment(
      disk,
      directory,
      { sequence, fills, segments: writer.segments, isWanted },
      (failure, bytes) => {
        if (failure) return done(failure);
        if (bytes) this.#replaced(segment, bytes, dropped);
        this.#damaged = undefined;
        done(undefined);
      },
    );
  }

  /** What stands in a stretch from now on: its entries, and before them where the log begins, if it does so there. */
  #fill(segment: Segment, stretch: DamagedStretch, given: readonly Entry[], dropped = 0): Fill {
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
  #replaced(segment: Segment, bytes: Buffer, dropped: number | undefined): void {
    const { index, reader, tail } = this.#parts;
    reader.close();
    const { records } = scanSegment(bytes, segment.sequence);
    for (const { record, offset, size } of records) {
      if (record.type === 'entry') index.moved(record.entry, segment.sequence, offset);
      segment.end = offset + size;
    }
    if (dropped === undefined) return;
    index.dropThrough(dropped);
    tail.dropThrough(dropped);
  }
}

const snapshotDamage = (failure: TuttiError): ScrubDamage => ({ failure, part: 'snapshot', lost: [] });

/** Indexes, lowest first, as ranges. */
function rangesOf(indexes: readonly number[]): readonly LostRange[] {
  const ranges: { from: LogIndex; to: LogIndex }[] = [];
  for (const at of indexes) {
    const index = logIndex(at);
    const last = ranges.at(-1);
    if (last && last.to + 1 === index) last.to = index;
    else ranges.push({ from: index, to: index });
  }
  return ranges;
}
