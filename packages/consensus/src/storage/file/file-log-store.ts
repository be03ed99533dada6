import {
  assert,
  type ClusterId,
  isTuttiError,
  type Logger,
  type LogIndex,
  messageOf,
  type NodeId,
  silentLogger,
  type Term,
  TuttiError,
} from '@tutti/kernel';
import type { Entry, HardState, SnapshotMeta } from '../../raft/messages.ts';
import type {
  LogStore,
  LogStoreState,
  LogWrite,
  SnapshotWriter,
  StoredSnapshot,
  WriteCallback,
} from '../log-store.ts';
import type { LogRecord } from '../record.ts';
import type { MendCallback, ScrubCallback, ScrubDamage } from '../scrub.ts';
import type { RepairCallback, RepairStep, StoreDamage } from '../store-damage.ts';
import { removeMark, writeMark } from './damage-mark.ts';
import { cutLog, fits, settlement } from './damaged-log.ts';
import { type DiskCalls, isFull, nodeDisk } from './disk-calls.ts';
import type { LogBeginning } from './log-beginning.ts';
import type { Gap } from './lost-entries.ts';
import { type Opened, openDirectory, reopenDirectory } from './opened.ts';
import { readableDisk } from './readable-disk.ts';
import { fillsFor, rewriteSegment } from './segment-rewrite.ts';
import type { StoreScrub } from './store-scrub.ts';

/** Where a log is kept, whose it is, and how much of it in memory and in one file. */
export interface FileLogStoreOptions {
  /** Created if it is not there. One store and one process at a time. */
  readonly directory: string;
  /** Written into a fresh directory; another cluster's is refused. */
  readonly clusterId: ClusterId;
  /** Written into a fresh directory; another node's is refused. */
  readonly nodeId: NodeId;
  /** Size of a segment of the log. Default 16 MiB; from 4 KiB. Two of them are on disk at most beside what is kept. */
  readonly segmentBytes?: number;
  /** Bytes of entries kept in memory for followers that are nearly up to date. Default 16 MiB. */
  readonly cacheBytes?: number;
  /**
   * Remembers that there was a log. With it a directory whose log is gone is damaged, and its node is repaired from peers
   * before it takes part; without it, it is a beginning. Default none: then never delete a log alone.
   */
  readonly beginning?: LogBeginning;
  readonly logger?: Logger;
}

/**
 * The durable log: segments of checksummed records, one snapshot, and a lock, in one directory. What `append` calls
 * back for survives a crash of the process and of the machine. Opening reads the whole log once, synchronously.
 */
export class FileLogStore implements LogStore {
  readonly #options: FileLogStoreOptions;
  readonly #logger: Logger;
  readonly #disk: DiskCalls;
  #opened: Opened | undefined;
  #hardState: HardState | undefined;

  /** @param disk Calls that tests put in the place of Node's, to make them fail. */
  constructor(options: FileLogStoreOptions, disk: Partial<DiskCalls> = {}) {
    assert((options.segmentBytes ?? 4096) >= 4096, 'a segment has at least 4 KiB');
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#disk = readableDisk({ ...nodeDisk(), ...disk });
  }

  get firstIndex(): LogIndex {
    return this.#open().index.firstIndex;
  }

  get lastIndex(): LogIndex {
    return this.#open().index.lastIndex;
  }

  open(done: (failure: Error | undefined, state?: LogStoreState) => void): void {
    try {
      this.#opened = openDirectory(this.#disk, this.#options, this.#logger, (cause) => this.#failed(cause));
    } catch (thrown) {
      const failure = this.#refusal(thrown);
      this.#disk.nextTurn(() => done(failure));
      return;
    }
    this.#settle((failure) => {
      const problem = failure ?? (this.#isBegun() ? this.#noteBeginning() : undefined);
      if (problem) return done(problem);
      this.#open().writer.isLookedAfter = true;
      done(undefined, this.#state());
    });
  }

  #isBegun(): boolean {
    const { recovered, snapshots } = this.#open();
    return recovered.lastBatch > 0 || snapshots.current !== undefined;
  }

  #noteBeginning(): Error | undefined {
    const { beginning } = this.#options;
    if (!beginning || beginning.isNoted) return undefined;
    try {
      beginning.note();
      return undefined;
    } catch (thrown) {
      return this.#refusal(thrown);
    }
  }

  /** Brings log and snapshot together after they were read. */
  #settle(done: WriteCallback): void {
    const { index, snapshots, hardState } = this.#open();
    this.#hardState = hardState;
    const meta = snapshots.current?.meta;
    // Only what a snapshot covers is ever removed: a log that begins right after this one goes on from it.
    if (meta && index.firstIndex === meta.index + 1) index.learnBaseTerm(meta.term);
    const plan = settlement(this.#open());
    if (plan.kind === 'nothing') this.#disk.nextTurn(() => done(undefined));
    // A snapshot that was stored just before the end, and whose state the log does not lead to, replaces the log.
    else if (plan.kind === 'reset') this.#resetLog(done);
    else this.#closeGaps(plan.gaps, [plan.record], done);
  }

  #resetLog(done: WriteCallback): void {
    const { damage } = this.#open();
    if (!damage) return this.resetToSnapshot(done);
    const mark = (): void => {
      if (damage.hardStateLost || damage.endLost) this.#mark({ ...damage, endLost: true });
    };
    this.#atOnce(mark, done, () =>
      this.resetToSnapshot((failure) => (failure ? done(failure) : this.#reload(done))),
    );
  }

  #mark({ hardStateLost, endLost }: Pick<StoreDamage, 'hardStateLost' | 'endLost'>): void {
    const mark = { hardState: this.#hardState!, hardStateLost, endLost };
    writeMark(this.#disk, this.#options.directory, mark);
  }

  /** Does what is done by calls that throw, then goes on; whoever waits is told of a disk that refused. */
  #atOnce(action: () => void, done: WriteCallback, goOn: () => void): void {
    try {
      action();
    } catch (thrown) {
      const failure = this.#refusal(thrown);
      return this.#disk.nextTurn(() => done(failure));
    }
    goOn();
  }

  #state(): LogStoreState {
    const { index, snapshots } = this.#open();
    return {
      hardState: this.#hardState!,
      snapshot: snapshots.current?.meta,
      firstIndex: index.firstIndex,
      lastIndex: index.lastIndex,
      damage: this.#open().damage,
    };
  }

  append(write: LogWrite, done: WriteCallback): void {
    const opened = this.#opened;
    if (!opened) {
      this.#disk.nextTurn(() => done(this.#closed()));
      return;
    }
    const { index, tail, writer } = opened;
    if (write.hardState) this.#hardState = write.hardState;
    for (const entry of write.entries) index.put(entry.index, entry.term, entry.data.length);
    tail.append(write.entries);
    writer.submit(write, (failure) => {
      const last = write.entries.at(-1);
      if (!failure && last) tail.durable(last);
      done(failure ?? this.#noteBeginning());
    });
  }

  termAt(index: LogIndex): Term | undefined {
    return this.#open().index.termAt(index);
  }

  entries(from: LogIndex, to: LogIndex, maxBytes: number): readonly Entry[] {
    const { index, tail, reader } = this.#open();
    const last = this.#wholeThrough(from, Math.min(to, index.lastIndex));
    if (from < index.firstIndex || from > last) return [];
    if (from >= tail.firstIndex) return tail.entries(from, last, maxBytes);
    const entries = reader.read(from, Math.min(last, tail.firstIndex - 1), maxBytes);
    const reached = entries.at(-1)!.index;
    if (reached + 1 !== tail.firstIndex || reached >= last) return entries;
    const bytes = entries.reduce((sum, entry) => sum + entry.data.length, 0);
    return bytes >= maxBytes ? entries : [...entries, ...tail.upTo(reached + 1, last, maxBytes - bytes)];
  }

  /** The last entry up to `to` before which none is lost. */
  #wholeThrough(from: number, to: number): number {
    const { damage } = this.#open();
    for (const lost of damage?.lost ?? []) if (lost.to >= from && lost.from <= to) return lost.from - 1;
    return to;
  }

  checkRoom(): boolean {
    return this.#open().writer.checkRoom();
  }

  settle(): void {
    this.#opened?.writer.settle();
  }

  snapshot(): StoredSnapshot | undefined {
    return this.#open().snapshots.current;
  }

  beginSnapshot(meta: SnapshotMeta): SnapshotWriter {
    return this.#open().snapshots.begin(meta);
  }

  compact(index: LogIndex): void {
    const opened = this.#open();
    assert(index <= (opened.snapshots.current?.meta.index ?? 0), 'only what the snapshot covers is dropped');
    opened.index.dropThrough(index);
    opened.tail.dropThrough(index);
    opened.writer.removeThrough(index);
  }

  resetToSnapshot(done: WriteCallback): void {
    const { index, tail, writer, reader, snapshots } = this.#open();
    const meta = snapshots.current?.meta;
    assert(meta, 'a snapshot is stored');
    index.reset(meta.index, meta.term);
    tail.reset(meta.index);
    reader.close();
    writer.reset(meta.index, meta.term, (failure) => done(failure ?? this.#noteBeginning()));
  }

  repair(step: RepairStep, done: RepairCallback): void {
    const finish = (failure: Error | undefined): void => {
      if (failure) done(this.#refusal(failure));
      else if (this.#opened) done(undefined, this.#state());
      else done(this.#closed());
    };
    try {
      this.#repair(step, finish);
    } catch (thrown) {
      this.#disk.nextTurn(() => finish(thrown as Error));
    }
  }

  #repair(step: RepairStep, done: WriteCallback): void {
    const opened = this.#open();
    if (step.kind === 'entries') {
      const [stretch] = opened.recovered.damage?.lost ?? [];
      assert(stretch, 'entries are put where some were lost');
      assert(fits(step.entries, stretch), 'what was fetched closes what was lost');
      const records = step.entries.map((entry): LogRecord => ({ type: 'entry', entry }));
      this.#closeGaps(stretch.gaps, records, done);
    } else if (step.kind === 'snapshot') this.#reload(done);
    else if (step.kind === 'cut') {
      const now = { ...opened, hardState: this.#hardState! };
      const cut = (): void => cutLog(this.#disk, this.#options.directory, now, step.from);
      this.#atOnce(cut, done, () => this.#reload(done));
    } else this.#vouch(step.hardState, done);
  }

  /** The log is whole again: what a restart would have to know is written before the mark goes. */
  #vouch(hardState: HardState | undefined, done: WriteCallback): void {
    this.append({ hardState: hardState ?? this.#hardState, entries: [] }, (failure) => {
      if (failure) return done(failure);
      try {
        removeMark(this.#disk, this.#options.directory);
      } catch (thrown) {
        return done(thrown as Error);
      }
      if (this.#opened) this.#opened = { ...this.#opened, damage: undefined };
      done(undefined);
    });
  }

  /** That a newer term or vote stood in a gap is told by the gap alone: it is noted down before the gap goes. */
  #closeGaps(gaps: readonly Gap[], records: readonly LogRecord[], done: WriteCallback): void {
    const { damage } = this.#open();
    const mark = (): void => {
      if (damage?.hardStateLost) this.#mark(damage);
    };
    this.#atOnce(mark, done, () => this.#rewrite(gaps, records, done));
  }

  #rewrite(gaps: readonly Gap[], records: readonly LogRecord[], done: WriteCallback): void {
    const fills = [...fillsFor(gaps, records)];
    const { segments, damage } = this.#open().recovered;
    const { directory } = this.#options;
    const next = (): void => {
      const fill = fills.shift();
      if (!fill) return this.#reload(done);
      const [sequence, inSegment] = fill;
      const outline = damage!.outlines.get(sequence) ?? '';
      const rewrite = { sequence, fills: inSegment, segments, outline };
      rewriteSegment(this.#disk, directory, rewrite, (failure, rewritten) => {
        if (failure) done(this.#refusal(failure));
        else if (rewritten) next();
        // What has been damaged since is found by reading again.
        else this.#reload(done);
      });
    };
    next();
  }

  scrub(bytesMax: number, besideWrites: boolean, done: ScrubCallback): void {
    const scrub = this.#scrubOf(done);
    scrub?.step(bytesMax, besideWrites, (failure, step) => done(failure && this.#coded(failure), step));
  }

  onDecay(found: (damage: ScrubDamage) => void): void {
    this.#open().scrub.onDecay(found);
  }

  mend(entries: readonly Entry[], done: MendCallback): void {
    const scrub = this.#scrubOf(done);
    scrub?.mend(entries, (failure, still) => done(failure && this.#coded(failure), still));
  }

  /** A store that was damaged when it was opened is repaired first. */
  #scrubOf(refused: (failure: Error) => void): StoreScrub | undefined {
    if (this.#opened && !this.#opened.damage) return this.#opened.scrub;
    this.#disk.nextTurn(() => refused(this.#closed()));
    return undefined;
  }

  /** Reads everything again after it was changed. */
  #reload(done: WriteCallback): void {
    const opened = this.#open();
    opened.scrub.end();
    opened.writer.close(() => {
      // Closed for good meanwhile.
      if (this.#opened !== opened) return done(this.#closed());
      opened.reader.close();
      try {
        this.#opened = reopenDirectory(this.#disk, this.#options, this.#logger, opened, (cause) =>
          this.#failed(cause),
        );
      } catch (thrown) {
        return done(thrown as Error);
      }
      this.#opened.writer.isLookedAfter = opened.writer.isLookedAfter;
      this.#settle(done);
    }, true);
  }

  close(done: WriteCallback): void {
    const opened = this.#opened;
    this.#opened = undefined;
    if (!opened) {
      this.#disk.nextTurn(() => done(undefined));
      return;
    }
    opened.scrub.end();
    opened.writer.close(() => {
      opened.reader.close();
      opened.snapshots.close();
      opened.lock.release();
      this.#disk.nextTurn(() => done(undefined));
    });
  }

  #open(): Opened {
    if (!this.#opened) throw this.#closed();
    return this.#opened;
  }

  #closed(): TuttiError {
    return new TuttiError('TUTTI_CLOSED', { what: `The log store in ${this.#options.directory}` });
  }

  /** Want of space is nothing that ails the store: what was to be done can be done again. */
  #refusal(thrown: unknown): TuttiError {
    if (!isFull(thrown as Error)) return this.#coded(thrown);
    return new TuttiError('TUTTI_STORE_FULL', { directory: this.#options.directory }, { cause: thrown });
  }

  #coded(failure: unknown): TuttiError {
    return isTuttiError(failure) ? failure : this.#failed(failure);
  }

  #failed(cause: unknown): TuttiError {
    const { directory } = this.#options;
    const failure = new TuttiError('TUTTI_STORE_FAILED', { directory, problem: messageOf(cause) }, { cause });
    this.#logger.error({ code: failure.code, ...failure.details }, failure.message);
    return failure;
  }
}

/** A durable log in a directory. Nothing is touched before `open`. */
export function createFileLogStore(options: FileLogStoreOptions): LogStore {
  return new FileLogStore(options);
}
