import { isTuttiError, jsonCodec, logIndex, nodeId, term, type WireValue } from '@tutti/kernel';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CapturedState, StateRestorer } from './module-host.ts';
import { encodeSnapshot, SnapshotDecoder } from './snapshot-codec.ts';

const meta = {
  index: logIndex(9),
  term: term(2),
  membership: { voters: [nodeId('a')], learners: [] },
};
const state: CapturedState = {
  timeMs: 1234,
  appliedBytes: 77,
  sessions: [
    [3, 2, [[2, true, { a: 1 }]]],
    [5, 1, [], '/a/1/9'],
  ],
  modules: [
    { name: 'one', parts: [{ x: 'y'.repeat(50) }, [1, 2, 3]] },
    { name: 'empty', parts: [] },
  ],
};

function bytesOf(chunkBytes: number, isTimeUp?: () => boolean): Uint8Array {
  const chunks = [...encodeSnapshot(state, meta, jsonCodec, chunkBytes, isTimeUp)];
  return Buffer.concat(chunks.flatMap((chunk) => chunk ?? []));
}

/** Writes down what it is given. */
class Scribe implements StateRestorer {
  readonly told: WireValue[] = [];
  begin = (timeMs: number, appliedBytes: number) => void this.told.push({ timeMs, appliedBytes });
  session = (row: WireValue) => void this.told.push({ row });
  module = (name: string) => void this.told.push(name);
  part = (value: WireValue) => void this.told.push({ value });
  finish = () => {};
}

function decoded(bytes: Uint8Array, pieceBytes: number, isTimeUp = () => false): WireValue[] {
  const scribe = new Scribe();
  const decoder = new SnapshotDecoder(jsonCodec, scribe);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    decoder.push(bytes.subarray(at, at + pieceBytes));
    while (!decoder.readSome(isTimeUp));
  }
  decoder.finish();
  return scribe.told;
}

/** A budget that is used up at every value, at every second one, and so on. */
const spentEach = (count: number): (() => boolean) => {
  let asked = 0;
  return () => ++asked % count === 0;
};

test('a snapshot is read back whatever the sizes of its chunks', () => {
  fc.assert(
    fc.property(fc.nat(300), fc.nat(300), fc.nat(5), (chunk, piece, pause) => {
      const bytes = bytesOf(chunk + 1, spentEach(pause + 1));
      expect(decoded(bytes, piece + 1, spentEach(pause + 1))).toEqual([
        { timeMs: 1234, appliedBytes: 77 },
        { row: [3, 2, [[2, true, { a: 1 }]]] },
        { row: [5, 1, [], '/a/1/9'] },
        'one',
        { value: { x: 'y'.repeat(50) } },
        { value: [1, 2, 3] },
        'empty',
      ]);
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
  const text = Buffer.from(bytesOf(1000)).toString('latin1').replace('"snapshot":2', '"snapshot":3');
  let thrown: unknown;
  try {
    decoded(Buffer.from(text, 'latin1'), 64);
  } catch (failure) {
    thrown = failure;
  }
  expect(isTuttiError(thrown, 'TUTTI_STORE_NEWER_VERSION')).toBe(true);
});
