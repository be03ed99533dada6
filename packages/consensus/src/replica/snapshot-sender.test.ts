import { logIndex, nodeId, term, VirtualClock } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { InstallSnapshot } from '../raft/messages.ts';
import { crc32c } from '../storage/crc32c.ts';
import type { StoredSnapshot } from '../storage/log-store.ts';
import { snapshotLimits } from './snapshot-limits.ts';
import { SnapshotSender } from './snapshot-sender.ts';

const peer = nodeId('b');
const bytes = Uint8Array.from({ length: 40 }, (_, i) => i);
const meta = { index: logIndex(9), term: term(2), membership: { voters: [nodeId('a'), peer], learners: [] } };

/** A snapshot of four chunks on its way to one receiver. */
function sending() {
  const clock = new VirtualClock();
  const stored: StoredSnapshot = {
    meta,
    totalBytes: bytes.length,
    checksum: crc32c(bytes),
    read: (offset, length, done) =>
      clock.nextTurn(() => done(undefined, bytes.slice(offset, offset + length))),
    hold: () => () => {},
  };
  const sent: InstallSnapshot[] = [];
  const found = { damaged: 0 };
  const sender = new SnapshotSender({
    self: nodeId('a'),
    clock,
    chunkBytes: 10,
    windowBytes: 10,
    limits: snapshotLimits(clock, { outgoing: 1, incoming: 1, bytesPerSecond: Infinity }),
    guarded: (action) => action(),
    send: (message) => sent.push(message),
    ended: () => {},
    damaged: () => found.damaged++,
  });
  sender.start(peer, term(3), stored);
  clock.advance(1);
  /** The receiver says how much it holds. */
  const reply = (receivedBytes: number): void => {
    const head = { type: 'installSnapshotReply', from: peer, to: nodeId('a'), term: term(3) } as const;
    sender.replied({ ...head, index: meta.index, receivedBytes, installed: false, later: false });
    clock.advance(1);
  };
  return { reply, found, sent };
}

test('a receiver that begins anew again and again says nothing against the snapshot', () => {
  const { reply, found, sent } = sending();
  for (let life = 0; life < 10; life++) for (const held of [10, 20, 0]) reply(held);
  for (const held of [10, 20, 30]) reply(held);
  expect(found.damaged).toBe(0);
  expect(sent.at(-1)).toMatchObject({ offset: 30 });
});

test('a snapshot that its receiver finds damaged as a whole, time after time, is not sent on', () => {
  const { reply, found } = sending();
  for (let time = 1; time <= 3; time++) {
    for (const held of [10, 20, 30]) reply(held);
    expect(found.damaged).toBe(0);
    reply(0);
  }
  expect(found.damaged).toBe(1);
});
