import { logIndex, nodeId, TuttiError, term, VirtualClock } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { crc32c } from '../storage/crc32c.ts';
import { MemoryLogStore } from '../storage/memory-log-store.ts';
import { Places } from './snapshot-limits.ts';
import { SnapshotReceiver } from './snapshot-receiver.ts';

const contents = Uint8Array.from({ length: 30 }, (_, i) => i);
const meta = { index: logIndex(9), term: term(2), membership: { voters: [nodeId('a')], learners: [] } };

function receiving(checksum = crc32c(contents), places = new Places(1)) {
  const clock = new VirtualClock();
  const store = new MemoryLogStore(clock);
  const heard: unknown[] = [];
  const receiver = new SnapshotReceiver({
    self: nodeId('b'),
    clock,
    store,
    places,
    term: () => term(3),
    reply: ({ later, damaged, receivedBytes }) =>
      heard.push(later ? 'later' : damaged ? `damaged ${receivedBytes}` : receivedBytes),
    received: (whole) => heard.push(whole),
    failed: (failure) => heard.push(failure),
  });
  const send = (
    offset: number,
    end: number,
    dataChecksum = crc32c(contents.subarray(offset, end)),
    of = meta,
    by = term(3),
  ): void =>
    receiver.take({
      type: 'installSnapshot',
      from: nodeId('a'),
      to: nodeId('b'),
      term: by,
      meta: of,
      offset,
      totalBytes: contents.length,
      data: contents.subarray(offset, end),
      dataChecksum,
      checksum,
    });
  const take = (offset: number, end: number, dataChecksum?: number): void => {
    send(offset, end, dataChecksum);
    clock.advance(1);
  };
  return { take, send, heard, store, clock, receiver };
}

test('chunks that come twice, too early or too late leave the snapshot whole', () => {
  const { take, heard, store } = receiving();
  take(10, 20);
  take(0, 10);
  take(0, 10);
  take(20, 30);
  take(10, 20);
  take(20, 30);
  expect(heard).toEqual([0, 10, 10, 10, 20, meta]);
  expect(store.snapshot()?.checksum).toBe(crc32c(contents));
});

test('a snapshot that was damaged on the way is said to be, and asked for from the start', () => {
  const { take, heard, store } = receiving(crc32c(contents) ^ 1);
  take(0, 10);
  take(10, 30);
  expect(heard).toEqual([10, 'damaged 0']);
  expect(store.snapshot()).toBeUndefined();
});

test('a chunk that is the whole snapshot is said to be damaged too', () => {
  const { take, heard } = receiving();
  take(0, 30, 1);
  take(0, 30);
  expect(heard).toEqual(['damaged 0', meta]);
});

test('a chunk that was damaged on the way is not kept, and asked for again', () => {
  const { take, heard, store } = receiving();
  take(0, 20);
  take(20, 30, 1);
  take(20, 30);
  expect(heard).toEqual([20, 20, meta]);
  expect(store.snapshot()?.checksum).toBe(crc32c(contents));
});

test('chunks that come faster than they are written wait in their order', () => {
  const { send, heard, store, clock } = receiving();
  for (const at of [0, 10, 20]) send(at, at + 10);
  expect(heard).toEqual([]);
  clock.advance(5);
  expect(heard).toEqual([10, 20, meta]);
  expect(store.snapshot()?.checksum).toBe(crc32c(contents));
});

test('a snapshot that is being put in place is told of before another one is taken in', () => {
  const { send, heard, store, clock } = receiving();
  const newer = { ...meta, index: logIndex(12) };
  const begin = store.beginSnapshot.bind(store);
  const committing: unknown[] = [];
  store.beginSnapshot = (of) => {
    const writer = begin(of);
    const commit = writer.commit.bind(writer);
    writer.commit = (checksum, done) => {
      committing.push(of);
      commit(checksum, done);
    };
    return writer;
  };
  send(0, 30);
  while (committing.length === 0) clock.step();
  send(0, 30, undefined, newer);
  expect(heard).toEqual(['later']);
  clock.advance(5);
  expect(heard).toEqual(['later', meta]);
  expect(store.snapshot()?.meta).toEqual(meta);
  send(0, 30, undefined, newer);
  clock.advance(5);
  expect(heard).toEqual(['later', meta, newer]);
});

test('a chunk that comes late, of the snapshot that the same leader sent before, leaves what is held of the newer', () => {
  const { take, send, heard, store, clock } = receiving();
  const older = { ...meta, index: logIndex(5) };
  send(0, 10, undefined, older);
  clock.advance(1);
  take(0, 20);
  send(10, 20, undefined, older);
  clock.advance(1);
  take(20, 30);
  expect(heard).toEqual([10, 20, 'later', meta]);
  expect(store.snapshot()?.meta).toEqual(meta);
});

test('the snapshot of another leader is taken in place of a newer one that broke off', () => {
  const { take, send, heard, clock } = receiving();
  const older = { ...meta, index: logIndex(5) };
  take(0, 20);
  send(0, 30, undefined, older, term(4));
  clock.advance(1);
  expect(heard).toEqual([20, older]);
});

test('a snapshot for which there is no space is put off, and taken from the start when there is some', () => {
  const { take, heard, store, clock } = receiving();
  const begin = store.beginSnapshot.bind(store);
  const full = new TuttiError('TUTTI_STORE_FULL', { directory: 'memory' });
  let left = 1;
  store.beginSnapshot = (of) => {
    const writer = begin(of);
    const write = writer.write.bind(writer);
    writer.write = (data, done) => (left-- > 0 ? write(data, done) : done(full));
    return writer;
  };
  take(0, 10);
  take(10, 20);
  expect(heard).toEqual([10, 'later']);
  left = 1;
  // Whoever only asks how it goes is not told that nothing is wrong: it would send all of it at once.
  take(10, 10);
  expect(heard).toEqual([10, 'later', 'later']);
  clock.advance(5_000);
  take(10, 20);
  take(0, 30);
  expect(heard).toEqual([10, 'later', 'later', 0, meta]);
  expect(store.snapshot()?.checksum).toBe(crc32c(contents));
});

test('without a place for it a snapshot is put off, and taken when one that came to nothing has lost its own', () => {
  const places = new Places(1);
  const first = receiving(undefined, places);
  const second = receiving(undefined, places);
  first.take(0, 10);
  second.take(0, 10);
  expect(second.heard).toEqual(['later']);
  first.receiver.tick();
  second.take(0, 10);
  expect(second.heard).toEqual(['later', 'later']);
  first.clock.advance(60_000);
  first.receiver.tick();
  second.take(0, 30);
  expect(second.heard).toEqual(['later', 'later', meta]);
  expect(places.taken).toBe(0);
});
