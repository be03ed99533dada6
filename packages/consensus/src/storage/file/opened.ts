import { type Logger, logIndex, TuttiError } from '@tutti/kernel';
import type { HardState } from '../../raft/messages.ts';
import type { LostRange, StoreDamage } from '../store-damage.ts';
import { type DamageMark, markFailure, readMark } from './damage-mark.ts';
import { DirectoryLock } from './directory-lock.ts';
import type { DiskCalls } from './disk-calls.ts';
import type { EntryIndex } from './entry-index.ts';
import { EntryReader } from './entry-reader.ts';
import type { FileLogStoreOptions } from './file-log-store.ts';
import type { FileOwner } from './file-owner.ts';
import { LogWriter } from './log-writer.ts';
import { makePrivateDirectory } from './make-directory.ts';
import { claimDirectory, isClaimed, removeDrafts } from './meta-file.ts';
import { type RecoveredLog, Recovery } from './recovery.ts';
import { settleTail } from './settle-tail.ts';
import { SnapshotDirectory } from './snapshot-directory.ts';
import { StoreScrub } from './store-scrub.ts';
import { TailCache } from './tail-cache.ts';

/** Everything that is there once a store is open. */
export interface Opened {
  readonly lock: DirectoryLock;
  readonly recovered: RecoveredLog;
  /** The newest that can be read, in the log or in the mark of a log that was cut. */
  readonly hardState: HardState;
  readonly damage: StoreDamage | undefined;
  readonly index: EntryIndex;
  readonly writer: LogWriter;
  readonly reader: EntryReader;
  readonly tail: TailCache;
  readonly snapshots: SnapshotDirectory;
  readonly scrub: StoreScrub;
}

type OnFailure = (failure: Error) => Error;

/** Locks a directory and reads what is in it. @throws TuttiError `TUTTI_STORE_*` */
export function openDirectory(
  disk: DiskCalls,
  options: FileLogStoreOptions,
  logger: Logger,
  onFailure: OnFailure,
): Opened {
  const { directory, clusterId, nodeId } = options;
  if (!isClaimed(disk, directory)) makePrivateDirectory(directory, disk);
  const lock = DirectoryLock.acquire(directory, disk);
  try {
    claimDirectory(disk, directory, clusterId, nodeId);
    const snapshots = new SnapshotDirectory(disk, directory, { clusterId, nodeId });
    snapshots.open();
    const opened = reopenDirectory(disk, options, logger, { lock, snapshots }, onFailure);
    removeDrafts(disk, directory);
    return opened;
  } catch (thrown) {
    lock.release();
    throw thrown;
  }
}

/** Reads the log of a directory that is locked. */
export function reopenDirectory(
  disk: DiskCalls,
  options: FileLogStoreOptions,
  logger: Logger,
  { lock, snapshots }: Pick<Opened, 'lock' | 'snapshots'>,
  onFailure: OnFailure,
): Opened {
  const { directory, clusterId, nodeId, segmentBytes = 16 * 2 ** 20, cacheBytes = 16 * 2 ** 20 } = options;
  const owner: FileOwner = { clusterId, nodeId };
  const read = new Recovery(disk, directory, owner, logger).run();
  if (!read.damage) settleTail(disk, directory, read.segments, read.nextOffset, read.lastBatch);
  const mark = readMark(disk, directory);
  const recovered = { ...read, hardState: newer(read.hardState, mark?.hardState) };
  const { index } = recovered;
  const writer = new LogWriter({ disk, directory, owner, segmentBytes }, recovered, onFailure);
  const segments = () => writer.segments;
  const reader = new EntryReader(disk, index, segments, (segment) => scrub.suspect(segment));
  const tail = new TailCache(index.lastIndex, cacheBytes);
  const scrub = new StoreScrub({ disk, directory, index, writer, reader, tail, snapshots });
  return {
    lock,
    recovered,
    hardState: recovered.hardState,
    damage: damageOf(options, recovered, snapshots, mark),
    index,
    writer,
    reader,
    tail,
    snapshots,
    scrub,
  };
}

/** Of two states of one node in one term, the one with a vote is the later. */
function newer(read: HardState, marked: HardState | undefined): HardState {
  if (!marked || marked.term < read.term) return read;
  return marked.term > read.term || read.votedFor === undefined ? marked : read;
}

function damageOf(
  { directory, beginning }: FileLogStoreOptions,
  { index, damage, lastBatch }: RecoveredLog,
  snapshots: SnapshotDirectory,
  mark: DamageMark | undefined,
): StoreDamage | undefined {
  const snapshotIndex = snapshots.current?.meta.index ?? 0;
  const lost: LostRange[] = [];
  let failure = snapshots.failure ?? damage?.failure ?? (mark && markFailure(directory, mark));
  if (index.firstIndex > snapshotIndex + 1) {
    lost.push({ from: logIndex(1), to: logIndex(index.firstIndex - 1) });
    failure ??= corrupt(
      directory,
      `the log begins at entry ${index.firstIndex}, and no snapshot leads up to it`,
    );
  }
  lost.push(...(damage?.lost ?? []));
  // A snapshot is taken of what was written: without any log, the log is lost. So it is where one was begun.
  const hasSnapshot = snapshotIndex > 0 || snapshots.failure !== undefined;
  const logLost = lastBatch === 0 && !mark?.endLost && (hasSnapshot || beginning?.isNoted === true);
  if (logLost)
    failure ??= corrupt(
      directory,
      hasSnapshot
        ? 'there is a snapshot, and no log beside it'
        : 'a log was begun here, and nothing is left of it',
    );
  const endLost = logLost || mark?.endLost === true || (damage?.endGaps.length ?? 0) > 0;
  const hardStateLost = logLost || mark?.hardStateLost === true || damage?.hardStateLost === true;
  if (lost.length === 0 && !endLost && !hardStateLost) return undefined;
  return { failure: failure!, lost, endLost, hardStateLost };
}

const corrupt = (file: string, problem: string): TuttiError =>
  new TuttiError('TUTTI_STORE_CORRUPT', { file, offset: 0, problem });
