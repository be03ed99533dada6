import { isTuttiError, jsonCodec, logIndex, nodeId, term } from '@tutti/kernel';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CapturedState, RestoredState } from './module-host.ts';
import { encodeSnapshot, SnapshotDecoder } from './snapshot-codec.ts';

const meta = {
  index: logIndex(9),
  term: term(2),
  membership: { voters: [nodeId('a')], learners: [] },
};
const state: CapturedState = {
  timeMs: 1234,
  sessions: [[3, 2, [[2, true, { a: 1 }]]]],
  modules: [
    { name: 'one', parts: [{ x: 'y'.repeat(50) }, [1, 2, 3]] },
    { name: 'empty', parts: [] },
  ],
};

const bytesOf = (chunkBytes: number): Uint8Array =>
  Buffer.concat([...encodeSnapshot(state, meta, jsonCodec, chunkBytes)]);

function decoded(bytes: Uint8Array, pieceBytes: number): RestoredState {
  const decoder = new SnapshotDecoder(jsonCodec);
  for (let at = 0; at < bytes.length; at += pieceBytes) decoder.push(bytes.subarray(at, at + pieceBytes));
  return decoder.finish();
}

test('a snapshot is read back whatever the sizes of its chunks', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 300 }), (chunk, piece) => {
      const found = decoded(bytesOf(chunk), piece);
      expect(found.timeMs).toBe(1234);
      expect(found.sessions).toEqual(state.sessions);
      expect([...found.modules]).toEqual(state.modules.map(({ name, parts }) => [name, parts]));
    }),
    { numRuns: 100 },
  );
});

test('a snapshot that ends early is refused, wherever it ends', () => {
  const bytes = bytesOf(1000);
  for (let end = 0; end < bytes.length; end++)
    expect(() => decoded(bytes.subarray(0, end), 64)).toThrow(/ends too early/);
});

test('a snapshot of a newer version is refused by its number', () => {
  const text = Buffer.from(bytesOf(1000)).toString('latin1').replace('"snapshot":1', '"snapshot":2');
  let thrown: unknown;
  try {
    decoded(Buffer.from(text, 'latin1'), 64);
  } catch (failure) {
    thrown = failure;
  }
  expect(isTuttiError(thrown, 'TUTTI_STORE_NEWER_VERSION')).toBe(true);
});
