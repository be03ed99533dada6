import { logIndex, term } from '@tutti/kernel';
import type { LogStore, WriteCallback } from '../storage/log-store.ts';

/**
 * Stores the snapshot of the store that a shared log stands in. It says nothing but through which record the log may be
 * dropped: what those records said stands behind it, or in the snapshots of the groups.
 */
export function storeDropMark(store: LogStore, through: number, done: WriteCallback): void {
  const meta = { index: logIndex(through), term: term(1), membership: { voters: [], learners: [] } };
  const writer = store.beginSnapshot(meta);
  writer.write(Uint8Array.of(1), (failure) => {
    if (!failure) return writer.commit(undefined, (problem) => done(problem));
    writer.abort();
    done(failure);
  });
}
