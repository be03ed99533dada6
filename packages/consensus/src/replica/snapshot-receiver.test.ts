import { logIndex, nodeId, term, VirtualClock } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { crc32c } from '../storage/crc32c.ts';
import { MemoryLogStore } from '../storage/memory-log-store.ts';
import { SnapshotReceiver } from './snapshot-receiver.ts';

const contents = Uint8Array.from({ length: 30 }, (_, i) => i);
const meta = { index: logIndex(9), term: term(2), membership: { voters: [nodeId('a')], learners: [] } };

function receiving(checksum = crc32c(contents)) {
  const clock = new VirtualClock();
  const store = new MemoryLogStore(clock);
  const heard: unknown[] = [];
  const receiver = new SnapshotReceiver({
    self: nodeId('b'),
    store,
    term: () => term(3),
    reply: (reply) => heard.push(reply.receivedBytes),
    received: (whole) => heard.push(whole),
    failed: (failure) => heard.push(failure),
  });
  const take = (offset: number, end: number): void => {
    receiver.take({
      type: 'installSnapshot',
      from: nodeId('a'),
      to: nodeId('b'),
      term: term(3),
      meta,
      offset,
      totalBytes: contents.length,
      data: contents.subarray(offset, end),
      checksum,
    });
    clock.advance(1);
  };
  return { take, heard, store };
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

test('a snapshot that was damaged on the way is asked for from the start', () => {
  const { take, heard, store } = receiving(crc32c(contents) ^ 1);
  take(0, 30);
  expect(heard).toEqual([0]);
  expect(store.snapshot()).toBeUndefined();
});
