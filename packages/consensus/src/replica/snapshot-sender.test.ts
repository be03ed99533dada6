import { logIndex, nodeId, term, VirtualClock } from '@tutti/kernel';
import { describe, expect, test } from 'vitest';
import type { InstallSnapshot } from '../raft/messages.ts';
import { crc32c } from '../storage/crc32c.ts';
import type { StoredSnapshot } from '../storage/log-store.ts';
import { snapshotLimits } from './snapshot-limits.ts';
import { SnapshotSender } from './snapshot-sender.ts';

const peer = nodeId('b');
const bytes = Uint8Array.from({ length: 40 }, (_, i) => i);
const meta = { index: logIndex(9), term: term(2), membership: { voters: [nodeId('a'), peer], learners: [] } };

/** A snapshot of four chunks, or of as many as are said, on its way to one receiver. */
function sending(chunkBytes = 10) {
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
    chunkBytes,
    windowBytes: 10,
    limits: snapshotLimits(clock, { outgoing: 1, incoming: 1, bytesPerSecond: Infinity }),
    guarded: (action) => action(),
    send: (message) => sent.push(message),
    ended: () => {},
    damaged: () => found.damaged++,
  });
  sender.start(peer, term(3), stored);
  clock.advance(1);
  /** The receiver says how much it holds; one of this version, also whether what came was damaged. */
  const reply = (receivedBytes: number, damaged?: boolean): void => {
    const head = { type: 'installSnapshotReply', from: peer, to: nodeId('a'), term: term(3) } as const;
    const told = { index: meta.index, receivedBytes, installed: false, later: false };
    sender.replied({ ...head, ...told, ...(damaged === undefined ? {} : { damaged }) });
    clock.advance(1);
  };
  const tick = (ms: number): void => {
    clock.advance(ms);
    sender.tick();
    clock.advance(1);
  };
  return { reply, tick, found, sent };
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

describe('a receiver that says what was damaged', () => {
  test.each([
    ['of one chunk', 40],
    ['of several', 10],
  ])('is sent a snapshot %s no more when that was damaged time after time', (_which, chunkBytes) => {
    const { reply, found, sent } = sending(chunkBytes);
    for (let time = 1; time <= 3; time++) {
      expect(found.damaged).toBe(0);
      for (let held = chunkBytes; held < bytes.length; held += chunkBytes) reply(held, false);
      expect(sent.at(-1)).toMatchObject({ offset: bytes.length - chunkBytes });
      reply(0, true);
    }
    expect(found.damaged).toBe(1);
    expect(sent).toHaveLength(3 * (bytes.length / chunkBytes));
  });

  test.each([
    ['of one chunk', 40],
    ['of several', 10],
  ])(
    'and begins anew when it had all, again and again, says nothing against a snapshot %s',
    (_which, size) => {
      const { reply, tick, found, sent } = sending(size);
      for (let life = 0; life < 10; life++) {
        for (let held = size; held < bytes.length; held += size) reply(held, false);
        expect(sent.at(-1)).toMatchObject({ offset: bytes.length - size });
        // It has started again, and answers when it is asked how it goes.
        tick(1_000);
        reply(0, false);
      }
      expect(found.damaged).toBe(0);
    },
  );
});

test('a snapshot of one chunk that comes damaged time after time is not sent on to a receiver of the version before', () => {
  const { reply, found, sent } = sending(40);
  for (let time = 1; time <= 3; time++) {
    expect(found.damaged).toBe(0);
    expect(sent).toHaveLength(time);
    reply(0);
  }
  expect(found.damaged).toBe(1);
});
