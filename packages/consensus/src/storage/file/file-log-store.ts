import { join } from 'node:path';
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
import type { RepairCallback, RepairStep, ScrubOutcome } from '../store-damage.ts';
import { DirectoryLock } from './directory-lock.ts';
import { type DiskCalls, nodeDisk } from './disk-calls.ts';
import type { EntryIndex } from './entry-index.ts';
import { EntryReader } from './entry-reader.ts';
import { LogWriter } from './log-writer.ts';
import { claimDirectory } from './meta-file.ts';
import { type RecoveredLog, Recovery } from './recovery.ts';
import { settleTail } from './settle-tail.ts';
import { SnapshotDirectory } from './snapshot-directory.ts';
import { TailCache } from './tail-cache.ts';

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
  readonly logger?: Logger;
}

/** Everything that is there once the store is open. */
interface Opened {
  readonly lock: DirectoryLock;
  readonly index: EntryIndex;
  readonly writer: LogWriter;
  readonly reader: EntryReader;
  readonly tail: TailCache;
  readonly snapshots: SnapshotDirectory;
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
    this.#disk = { ...nodeDisk(), ...disk };
  }

  get firstIndex(): LogIndex {
    return this.#open().index.firstIndex;
  }

  get lastIndex(): LogIndex {
    return this.#open().index.lastIndex;
  }

  open(done: (failure: Error | undefined, state?: LogStoreState) => void): void {
    try {
      this.#opened = this.#openDirectory();
    } catch (thrown) {
      const failure = isTuttiError(thrown) ? thrown : this.#failed(thrown);
      this.#disk.nextTurn(() => done(failure));
      return;
    }
    const { index, snapshots } = this.#opened;
    const meta = snapshots.current?.meta;
    // Only what a snapshot covers is ever removed: a log that begins right after this one goes on from it.
    if (meta && index.firstIndex === meta.index + 1) index.learnBaseTerm(meta.term);
    const report = (failure: Error | undefined): void =>
      failure ? done(failure) : done(undefined, this.#state());
    // A snapshot that was stored just before the end, and whose state the log does not lead to, replaces the log.
    if (meta && index.termAt(meta.index) !== meta.term) this.resetToSnapshot(report);
    else this.#disk.nextTurn(() => report(undefined));
  }

  #openDirectory(): Opened {
    const { directory, clusterId, nodeId } = this.#options;
    this.#disk.mkdirSync(directory, { recursive: true });
    const lock = DirectoryLock.acquire(directory, this.#disk);
    try {
      claimDirectory(this.#disk, directory, clusterId, nodeId);
      const snapshots = new SnapshotDirectory(this.#disk, directory);
      snapshots.open();
      const recovered = new Recovery(this.#disk, directory, this.#logger).run();
      settleTail(this.#disk, directory, recovered.segments.at(-1), recovered.nextOffset);
      this.#checkContinuity(recovered, snapshots.current?.meta);
      for (const name of this.#disk.readdirSync(directory))
        if (name.endsWith('.tmp')) this.#disk.rmSync(join(directory, name), { force: true });
      return this.#assemble(lock, recovered, snapshots);
    } catch (thrown) {
      lock.release();
      throw thrown;
    }
  }

  #assemble(lock: DirectoryLock, recovered: RecoveredLog, snapshots: SnapshotDirectory): Opened {
    const { directory, segmentBytes = 16 * 2 ** 20, cacheBytes = 16 * 2 ** 20 } = this.#options;
    this.#hardState = recovered.hardState;
    const { index } = recovered;
    const writer = new LogWriter(directory, segmentBytes, this.#disk, recovered, (cause) =>
      this.#failed(cause),
    );
    const reader = new EntryReader(this.#disk, index, () => writer.segments);
    return { lock, index, writer, reader, tail: new TailCache(index.lastIndex, cacheBytes), snapshots };
  }

  /** Every entry is in the log or in the snapshot, with none missing between them. */
  #checkContinuity({ index }: RecoveredLog, snapshot: SnapshotMeta | undefined): void {
    if (index.firstIndex <= (snapshot?.index ?? 0) + 1) return;
    throw new TuttiError('TUTTI_STORE_CORRUPT', {
      file: this.#options.directory,
      offset: 0,
      problem: `the log begins at entry ${index.firstIndex}, and no snapshot leads up to it`,
    });
  }

  #state(): LogStoreState {
    const { index, snapshots } = this.#open();
    return {
      hardState: this.#hardState!,
      snapshot: snapshots.current?.meta,
      firstIndex: index.firstIndex,
      lastIndex: index.lastIndex,
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
      done(failure);
    });
  }

  termAt(index: LogIndex): Term | undefined {
    return this.#open().index.termAt(index);
  }

  entries(from: LogIndex, to: LogIndex, maxBytes: number): readonly Entry[] {
    const { index, tail, reader } = this.#open();
    const last = Math.min(to, index.lastIndex);
    if (from < index.firstIndex || from > last) return [];
    if (from >= tail.firstIndex) return tail.entries(from, last, maxBytes);
    const entries = reader.read(from, Math.min(last, tail.firstIndex - 1), maxBytes);
    const reached = entries.at(-1)!.index;
    if (reached + 1 !== tail.firstIndex || reached >= last) return entries;
    const bytes = entries.reduce((sum, entry) => sum + entry.data.length, 0);
    return bytes >= maxBytes ? entries : [...entries, ...tail.upTo(reached + 1, last, maxBytes - bytes)];
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
    writer.reset(meta.index, meta.term, done);
  }

  repair(step: RepairStep, _done: RepairCallback): void {
    assert(false, `damage is refused when the directory is opened (${step.kind})`);
  }

  scrub(_bytesMax: number, done: (failure: Error | undefined, outcome?: ScrubOutcome) => void): void {
    const outcome = { bytes: 0, round: true, damage: undefined, snapshotFailure: undefined };
    this.#disk.nextTurn(() => done(undefined, outcome));
  }

  close(done: WriteCallback): void {
    const opened = this.#opened;
    this.#opened = undefined;
    if (!opened) {
      this.#disk.nextTurn(() => done(undefined));
      return;
    }
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
