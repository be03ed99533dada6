import { isTuttiError, jsonCodec, logIndex, nodeId, term, VirtualClock } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { MemoryLogStore } from '../storage/memory-log-store.ts';
import { REPLICA_DEFAULTS } from './replica-options.ts';
import { readSnapshot, SnapshotTaker } from './snapshot-taker.ts';

const meta = { index: logIndex(5), term: term(1), membership: { voters: [nodeId('a')], learners: [] } };
const state = { timeMs: 1, sessions: [], modules: [{ name: 'm', parts: ['one', 'two'] }] };

test('a snapshot that is dropped while it is written stays due, and one that is stored does not', () => {
  const clock = new VirtualClock();
  const config = { ...REPLICA_DEFAULTS, snapshotEntries: 3 };
  const taker = new SnapshotTaker(new MemoryLogStore(clock), clock, jsonCodec, config);
  for (let i = 0; i < 3; i++) taker.count(10);
  expect(taker.due).toBe(true);
  taker.take(state, meta, () => {});
  expect(taker.due).toBe(false);
  taker.abort();
  expect(taker.due).toBe(true);
  let stored: unknown;
  taker.take(state, meta, (_, found) => (stored = found));
  clock.advance(10);
  expect(stored).toBeDefined();
  taker.abort();
  expect(taker.due).toBe(false);
});

test('a stored snapshot that has become shorter is an error, not an endless wait', () => {
  const outcomes: unknown[] = [];
  const shorter = { meta, totalBytes: 100, checksum: 0 };
  readSnapshot(
    { ...shorter, read: (_offset, _length, done) => done(undefined, new Uint8Array(0)) },
    jsonCodec,
    50,
    (failure) => outcomes.push(failure),
  );
  expect(outcomes).toHaveLength(1);
  expect(isTuttiError(outcomes[0], 'TUTTI_CODEC_INVALID')).toBe(true);
});
