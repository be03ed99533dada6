import { type Clock, TuttiError, type ValueCodec } from '@tutti/kernel';
import type { StoredSnapshot } from '../storage/log-store.ts';
import type { StateRestorer } from './module-host.ts';
import type { ReplicaConfig } from './replica-options.ts';
import { SnapshotDecoder } from './snapshot-codec.ts';
import { attempt, timeLimit } from './turn-budget.ts';

/**
 * Reads a stored snapshot into a restorer: one chunk in memory at a time, and a few milliseconds of work per turn. The
 * restorer is not finished; that is for the caller, when everything else is ready.
 */
export function readSnapshot(
  stored: StoredSnapshot,
  into: StateRestorer,
  parts: {
    readonly clock: Clock;
    readonly codec: ValueCodec;
    readonly config: Required<ReplicaConfig>;
    /** Whether the work is no longer wanted; nothing is called back then. */
    readonly isOver?: () => boolean;
  },
  done: (failure: Error | undefined) => void,
): void {
  const { clock, codec, config } = parts;
  const decoder = new SnapshotDecoder(codec, into);
  const limit = timeLimit(clock, config.snapshotBudgetMs);
  const release = stored.hold();
  const end = (failure: Error | undefined): void => {
    release();
    done(failure);
  };
  const read = (offset: number): void => {
    if (parts.isOver?.()) return release();
    if (offset >= stored.totalBytes) return end(attempt(() => decoder.finish()).failure);
    const length = Math.min(config.snapshotChunkBytes, stored.totalBytes - offset);
    stored.read(offset, length, (failure, data) => {
      if (failure) return end(failure);
      if (data.length === 0) return end(cutOff());
      decoder.push(data);
      decode(offset + data.length);
    });
  };
  const decode = (next: number): void => {
    if (parts.isOver?.()) return release();
    limit.begin();
    const { failure, value: isDrained } = attempt(() => decoder.readSome(limit.isUp));
    if (failure) return end(failure);
    if (isDrained) read(next);
    else clock.nextTurn(() => decode(next));
  };
  read(0);
}

const cutOff = (): TuttiError =>
  new TuttiError('TUTTI_CODEC_INVALID', { problem: 'the snapshot has become shorter than it was' });
