import { expect, test } from 'vitest';
import type { LogStore, SnapshotWriter } from '../storage/log-store.ts';
import { storeDropMark } from './drop-mark.ts';

test('a mark that cannot be written leaves no draft behind, and whoever wants it is told', () => {
  const problem = new Error('no space');
  const done: string[] = [];
  const writer: Partial<SnapshotWriter> = {
    write: (_, written) => written(problem),
    abort: () => void done.push('aborted'),
    commit: () => void done.push('committed'),
  };
  const store = { beginSnapshot: () => writer as SnapshotWriter } as Partial<LogStore> as LogStore;
  storeDropMark(store, 7, (failure) => done.push(failure === problem ? 'failed' : 'stored'));
  expect(done).toEqual(['aborted', 'failed']);
});
