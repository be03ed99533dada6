import { assert, logIndex } from '@tutti/kernel';
import type { Membership } from '../raft/messages.ts';
import type { LogStore, StoredSnapshot, WriteCallback } from '../storage/log-store.ts';

const PIECE_BYTES = 256 * 1024;

/**
 * Has a fresh store begin with a state that comes from elsewhere, such as a backup: the log goes on after the entry that
 * the state goes up to. Every voter of a group that begins so is given the same state and the same membership, and none
 * of them may be reached by a node of the group that the state came from.
 *
 * @param store Open, and fresh. It stays open.
 */
export function seedStore(
  store: LogStore,
  contents: StoredSnapshot,
  membership: Membership,
  done: WriteCallback,
): void {
  assert(
    store.lastIndex === logIndex(0) && store.snapshot() === undefined,
    'a store is seeded when it is fresh',
  );
  const { index, term } = contents.meta;
  const writer = store.beginSnapshot({ index, term, membership });
  const fail = (failure: Error): void => {
    writer.abort();
    done(failure);
  };
  const begin = (): void =>
    // The term first: a log that is there has one.
    store.append({ hardState: { term, votedFor: undefined }, entries: [] }, (failure) =>
      failure ? done(failure) : store.resetToSnapshot(done),
    );
  const copy = (): void => {
    const offset = writer.size;
    if (offset === contents.totalBytes)
      return writer.commit(contents.checksum, (failure) => (failure ? done(failure) : begin()));
    contents.read(offset, Math.min(PIECE_BYTES, contents.totalBytes - offset), (failure, data) => {
      if (failure) return fail(failure);
      writer.write(data, (problem) => (problem ? fail(problem) : copy()));
    });
  };
  copy();
}
