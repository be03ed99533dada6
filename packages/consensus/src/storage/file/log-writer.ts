import { assert, type LogIndex, type Term, TuttiError } from '@tutti/kernel';
import type { HardState } from '../../raft/messages.ts';
import type { LogWrite, WriteCallback } from '../log-store.ts';
import { BatchEncoder, hardStateSize, recordSize } from '../record.ts';
import { type DiskCalls, isShort } from './disk-calls.ts';
import type { EntryIndex } from './entry-index.ts';
import { FLUSH_MARK_AT, flushMark } from './flush-mark.ts';
import { NextSegment, type NextSegmentParts } from './next-segment.ts';
import type { RecoveredLog } from './recovery.ts';
import { SEGMENT_HEADER_BYTES, type Segment, writeFully } from './segment.ts';

/**
 * What waits to be written: a write of the driver; the log's beginning anew after a snapshot; or an end to a segment,
 * into which nothing more is to be written.
 */
type Job =
  | { readonly kind: 'write'; readonly write: LogWrite; readonly done: WriteCallback }
  | { readonly kind: 'reset'; readonly index: LogIndex; readonly term: Term; readonly done: WriteCallback }
  | { readonly kind: 'seal'; readonly sequence: number; readonly done: WriteCallback };

/** Writes that came meanwhile are put together up to this size. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024;

function jobSize(job: Job): number {
  if (job.kind === 'reset') return recordSize(0);
  if (job.kind === 'seal') return 0;
  const { hardState, entries } = job.write;
  let size = hardState ? hardStateSize(hardState) : 0;
  for (const entry of entries) size += recordSize(entry.data.length);
  return size;
}

/**
 * The writing end of the log: one batch at a time, one `write` and one `fdatasync` for each. What comes while a
 * batch is being flushed is the next one. After the first failure nothing is written any more: whether a flush that
 * failed once left anything behind cannot be found out (Rebello et al., ATC 2020), so nothing may build on it.
 */
export class LogWriter {
  /** Whether `checkRoom` is called from time to time, so that what finds no space may wait for it: once a store is open. */
  isLookedAfter = false;
  readonly #directory: string;
  readonly #disk: DiskCalls;
  readonly #index: EntryIndex;
  readonly #onFailure: (failure: Error) => Error;
  #segments: Segment[];
  #handle: number | undefined;
  /** The segment before, until it says that the log goes on after it. */
  #left: { readonly handle: number; readonly sequence: number } | undefined;
  #offset: number;
  #batch: number;
  #checksum: number;
  /** The segment that holds the last batch that was flushed; before there is one, none can be spared. */
  #flushedSequence: number;
  /** As the log on disk has it; every batch begins with it. */
  #hardState: HardState;
  #queue: Job[] = [];
  #busy = false;
  #failure: Error | undefined;
  /** There was no space for the next segment, or for what waits, when it was last looked for. */
  #isFull = false;
  /** How many jobs a write that found no space had: they are written once more as they were, over what it left. */
  #again = 0;
  readonly #next: NextSegment;
  readonly #toRemove: Segment[] = [];
  #removing = false;
  #whenIdle: (() => void) | undefined;
  #whenQuiet: (() => void) | undefined;
  /** The batch that was noted down as flushed, and the newest one when that was last thought of. */
  #markedBatch = 0;
  #seenBatch = -1;

  constructor(
    place: Pick<NextSegmentParts, 'disk' | 'directory' | 'owner' | 'segmentBytes'>,
    recovered: RecoveredLog,
    onFailure: (failure: Error) => Error,
  ) {
    this.#directory = place.directory;
    this.#disk = place.disk;
    this.#index = recovered.index;
    this.#segments = [...recovered.segments];
    this.#offset = recovered.nextOffset;
    this.#batch = recovered.lastBatch;
    this.#checksum = recovered.lastChecksum;
    this.#hardState = recovered.hardState;
    this.#onFailure = onFailure;
    const active = this.#segments.at(-1);
    this.#flushedSequence = active?.sequence ?? 0;
    this.#next = new NextSegment({
      ...place,
      sequence: this.#flushedSequence,
      made: (failure) => this.#madeNext(failure),
    });
    if (active) this.#handle = this.#disk.openSync(active.path, 'r+');
  }

  /** Whether there was space for the segment after the one in use; where there was none, it is looked for again. */
  checkRoom(): boolean {
    const hadRoom = !this.#isFull;
    if (hadRoom || this.#busy || this.#next.isBeingMade || this.#whenIdle) return hadRoom;
    if (this.#queue.length > 0) this.#pump();
    else this.#prepareNext();
    return hadRoom;
  }

  get segments(): readonly Segment[] {
    return this.#segments;
  }

  submit(write: LogWrite, done: WriteCallback): void {
    this.#queue.push({ kind: 'write', write, done });
    this.#pump();
  }

  /** Makes the log go on after `index`, in a segment of its own; the ones before are removed when that is durable. */
  reset(index: LogIndex, term: Term, done: WriteCallback): void {
    this.#queue.push({ kind: 'reset', index, term, done });
    this.#pump();
  }

  /**
   * Notes down that the newest batch was flushed, if none has come since this was last called. The note reaches the disk
   * with the next flush, or when the system finds time: nobody waits for it.
   */
  settle(): void {
    const isStill = this.#seenBatch === this.#batch;
    this.#seenBatch = this.#batch;
    if (!isStill || this.isBusy || this.#whenIdle) return;
    this.#mark(() => this.#pump());
  }

  #mark(done: () => void): void {
    const active = this.#segments.at(-1);
    if (!active || this.#handle === undefined || this.#failure || this.#markedBatch === this.#batch)
      return done();
    this.#busy = true;
    const batch = this.#batch;
    writeFully(this.#disk, this.#handle, flushMark(active.sequence, batch), FLUSH_MARK_AT, (failure) => {
      this.#busy = false;
      if (!failure) this.#markedBatch = batch;
      else if (!isShort(failure)) this.#failure = this.#onFailure(failure);
      done();
    });
  }

  /**
   * Ends the segment `sequence`, if it is the one that is written to, and sees to it that a batch that comes after it is
   * on disk: from then on nothing in it can be taken for what a crash left of a write.
   */
  seal(sequence: number, done: WriteCallback): void {
    this.#queue.push({ kind: 'seal', sequence, done });
    this.#pump();
  }

  /** Whether something is being written, or waits to be. */
  get isBusy(): boolean {
    return this.#busy || this.#queue.length > 0;
  }

  /** Calls `action` as soon as all that was submitted is on disk: the log is there what it is in memory. */
  whenQuiet(action: () => void): void {
    if (this.isBusy) this.#whenQuiet = action;
    else action();
  }

  /**
   * Removes whole segments whose every entry is at or below `index`, oldest first. A batch repeats the hard state, but
   * until that is flushed the segment before has the only one: term and vote would be lost.
   */
  removeThrough(index: LogIndex): void {
    const kept = this.#segments.findIndex(
      ({ sequence, highestIndex }) => sequence >= this.#flushedSequence || highestIndex > index,
    );
    this.#remove(this.#segments.splice(0, Math.max(0, kept)));
  }

  /** One file after another: if a crash comes between, what is left has no hole. Nobody waits for it but `close`. */
  #remove(segments: readonly Segment[]): void {
    this.#toRemove.push(...segments);
    if (!this.#removing) this.#removeNext();
  }

  #removeNext(): void {
    const segment = this.#toRemove.shift();
    this.#removing = segment !== undefined;
    if (!segment) return this.#idle();
    this.#disk.rm(segment.path, { force: true }, () => this.#removeNext());
  }

  /**
   * Calls back when everything has been written, and lets go of the files. Unless they were changed behind its back, it
   * leaves a note that nothing in the log is what a crash left of a write. Whoever closed it before is called back, too.
   */
  close(done: () => void, changed = false): void {
    const finish = (): void => {
      for (const handle of [this.#handle, this.#left?.handle])
        if (handle !== undefined) this.#disk.closeSync(handle);
      this.#handle = this.#left = undefined;
      this.#quiet();
      done();
    };
    const flush = (): void => {
      if (this.#handle === undefined || this.#failure) finish();
      else this.#disk.fdatasync(this.#handle, finish);
    };
    const before = this.#whenIdle;
    this.#whenIdle = () => {
      before?.();
      if (changed) finish();
      else this.#mark(flush);
    };
    this.#endWaiting();
  }

  /** What waits for space would wait for ever; nothing of it counts. */
  #endWaiting(): void {
    if (this.#isFull && !this.#busy)
      this.#refuse(new TuttiError('TUTTI_STORE_FULL', { directory: this.#directory }));
    this.#idle();
  }

  #idle(): void {
    if (this.#busy || this.#next.isBeingMade || this.#removing || this.#queue.length > 0) return;
    const action = this.#whenIdle;
    this.#whenIdle = undefined;
    action?.();
  }

  #pump(): void {
    if (this.#busy) return;
    if (this.#failure) return this.#refuse(this.#failure);
    const isAgain = this.#again > 0;
    const jobs = this.#takeJobs();
    if (jobs.length === 0) return this.#idle();
    this.#busy = true;
    const [first] = jobs;
    if (first?.kind === 'seal' && this.#flushedSequence > first.sequence) return this.#written(jobs);
    // Every batch begins with the hard state, so that damage before it cannot take term and vote away.
    const size = jobs.reduce((sum, job) => sum + jobSize(job), hardStateSize(this.#hardState));
    const active = this.#segments.at(-1);
    const isNew = first?.kind !== 'write' && !isAgain;
    if (active && !isNew && this.#offset + size <= active.sizeBytes) return this.#write(jobs, size);
    this.#roll(size, (failure) => {
      if (failure && isShort(failure)) return this.#waitForSpace(jobs);
      if (failure) return this.#fail(failure, jobs);
      this.#write(jobs, size);
    });
  }

  #quiet(): void {
    const action = this.#whenQuiet;
    this.#whenQuiet = undefined;
    action?.();
  }

  #refuse(failure: Error): void {
    const jobs = this.#queue.splice(0);
    this.#disk.nextTurn(() => {
      for (const job of jobs) job.done(failure);
      this.#idle();
    });
  }

  /** What begins a segment stands alone; writes are merged as far as the bound allows. */
  #takeJobs(): Job[] {
    if (this.#again > 0) return this.#queue.splice(0, this.#again);
    if (this.#queue[0] && this.#queue[0].kind !== 'write') return this.#queue.splice(0, 1);
    let count = 0;
    let bytes = 0;
    for (const job of this.#queue) {
      if (job.kind !== 'write' || (count > 0 && bytes >= BATCH_BYTES_MAX)) break;
      bytes += jobSize(job);
      count++;
    }
    return this.#queue.splice(0, count);
  }

  #write(jobs: readonly Job[], size: number): void {
    const active = this.#segments.at(-1)!;
    const hardState = this.#hardState;
    const encoder = new BatchEncoder(size, active.sequence, this.#offset, ++this.#batch, this.#checksum);
    let left = size - hardStateSize(this.#hardState);
    encoder.hardState(this.#hardState, left === 0);
    for (const job of jobs) {
      this.#encode(job, encoder, active, left);
      left -= jobSize(job);
    }
    assert(encoder.isComplete, 'a batch has the size that was reckoned and ends with its last record');
    writeFully(this.#disk, this.#handle!, encoder.bytes, this.#offset, (failure) => {
      if (failure && isShort(failure) && this.#mayWait) return this.#takeBack(jobs, hardState);
      if (failure) return this.#fail(failure, jobs);
      this.#disk.fdatasync(this.#handle!, (problem) => {
        if (problem) return this.#fail(problem, jobs);
        this.#offset = encoder.offset;
        this.#checksum = encoder.checksum;
        if (this.#again > 0) this.#isFull = false;
        this.#again = 0;
        this.#flushed(active);
        this.#endLeft((unnoted) => (unnoted ? this.#fail(unnoted, jobs) : this.#written(jobs)));
      });
    });
  }

  /** Nothing of it has been flushed, and nobody was told of it. */
  #takeBack(jobs: readonly Job[], hardState: HardState): void {
    this.#batch--;
    this.#hardState = hardState;
    this.#again = jobs.length;
    this.#isFull = true;
    this.#waitForSpace(jobs);
  }

  /**
   * Says in the segment before that a batch after it was flushed, once for each segment and before anybody is told of
   * that batch: if the file it stands in were lost, nothing else would tell that there was one.
   */
  #endLeft(done: (failure: Error | undefined) => void): void {
    const left = this.#left;
    this.#left = undefined;
    if (!left) return done(undefined);
    const end = (failure: Error | null | undefined): void => {
      this.#disk.closeSync(left.handle);
      done(failure && !isShort(failure) ? failure : undefined);
    };
    writeFully(this.#disk, left.handle, flushMark(left.sequence, this.#batch), FLUSH_MARK_AT, (failure) =>
      failure ? end(failure) : this.#disk.fdatasync(left.handle, end),
    );
  }

  /** `left` is the size of this job and those after it: the record that leaves nothing is the batch's last. */
  #encode(job: Job, encoder: BatchEncoder, active: Segment, left: number): void {
    if (job.kind === 'reset') return encoder.reset(job.index, job.term, true);
    if (job.kind === 'seal') return;
    const { hardState, entries } = job.write;
    if (hardState) {
      left -= hardStateSize(hardState);
      encoder.hardState(hardState, left === 0);
      this.#hardState = hardState;
    }
    for (const entry of entries) {
      left -= recordSize(entry.data.length);
      this.#index.place(entry.index, active.sequence, encoder.offset);
      active.highestIndex = Math.max(active.highestIndex, entry.index);
      encoder.entry(entry, left === 0);
    }
  }

  #flushed(active: Segment): void {
    this.#flushedSequence = active.sequence;
    active.end = this.#offset;
    active.firstBatch ||= this.#batch;
    active.lastBatch = this.#batch;
  }

  #written(jobs: readonly Job[]): void {
    if (jobs[0]!.kind === 'reset') this.#remove(this.#segments.splice(0, this.#segments.length - 1));
    this.#busy = false;
    if (this.#queue.length === 0) this.#quiet();
    // The next batch goes to the disk before anybody is told of this one.
    this.#pump();
    for (const job of jobs) job.done(undefined);
    const active = this.#segments.at(-1)!;
    if (this.#offset > active.sizeBytes / 2 && !this.#whenIdle) this.#prepareNext();
  }

  get #mayWait(): boolean {
    return this.isLookedAfter && !this.#whenIdle;
  }

  /**
   * There is no space for these, or for the segment that they need. Nothing of them has been flushed, and what was written
   * in part is no whole batch, so nothing is in doubt: they wait until space has been found, or are refused while nobody
   * looks for any.
   */
  #waitForSpace(jobs: readonly Job[]): void {
    this.#busy = false;
    this.#queue.unshift(...jobs);
    if (!this.#mayWait) this.#endWaiting();
  }

  #fail(failure: Error, jobs: readonly Job[]): void {
    this.#failure = this.#onFailure(failure);
    this.#busy = false;
    for (const job of jobs) job.done(this.#failure);
    this.#pump();
  }

  #prepareNext(): void {
    if (!this.#failure) this.#next.prepare();
  }

  #madeNext(failure: Error | undefined): void {
    // Room for the next segment is none for a batch that found none in this one.
    this.#isFull = this.#again > 0 || (failure !== undefined && isShort(failure));
    this.#idle();
  }

  #roll(recordBytes: number, done: (failure: Error | undefined) => void): void {
    this.#next.find(SEGMENT_HEADER_BYTES + recordBytes, (failure, segment) =>
      failure ? done(failure) : this.#switchTo(segment!, done),
    );
  }

  #switchTo({ path }: Segment, done: (failure: Error | undefined) => void): void {
    this.#disk.open(path, 'r+', (failure, handle) => {
      this.#isFull = failure ? isShort(failure) : false;
      if (failure) return done(failure);
      if (this.#handle !== undefined) this.#left = { handle: this.#handle, sequence: this.#flushedSequence };
      this.#handle = handle;
      this.#segments.push(...this.#next.take());
      this.#offset = SEGMENT_HEADER_BYTES;
      this.#checksum = 0;
      done(undefined);
    });
  }
}
