import { logIndex, type NodeId, nodeId, seededRandom, term } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { Entry, RaftMessage, SnapshotMeta } from './messages.ts';
import { RaftNode } from './raft-node.ts';
import { type CoreDisk, CoreHost, command } from './testing/core-cluster.ts';

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(nodeId) as [NodeId, NodeId, NodeId, NodeId];
const membership = { voters: [a, b, c, d, nodeId('e')], learners: [] };

const entry = (index: number, inTerm: number): Entry => ({
  index: logIndex(index),
  term: term(inTerm),
  kind: 'command',
  data: command(`${index}@${inTerm}`),
});

function append(
  from: NodeId,
  inTerm: number,
  prev: [number, number],
  entries: Entry[],
  commit = 0,
): RaftMessage {
  const [prevIndex, prevTerm, commitIndex] = [logIndex(prev[0]), term(prev[1]), logIndex(commit)];
  return {
    type: 'appendEntries',
    from,
    to: a,
    term: term(inTerm),
    prevIndex,
    prevTerm,
    entries,
    commitIndex,
  };
}

const snapshotAt = (index: number, inTerm: number): SnapshotMeta => ({
  index: logIndex(index),
  term: term(inTerm),
  membership,
});

function chunk(from: NodeId, inTerm: number, meta: SnapshotMeta): RaftMessage {
  const data = new Uint8Array(4);
  const place = { meta, offset: 0, totalBytes: 4, data, dataChecksum: 0, checksum: 0 };
  return { type: 'installSnapshot', from, to: a, term: term(inTerm), ...place };
}

/** Node a of five, alone with what the test tells it. */
function follower(): { host: CoreHost; sent: () => RaftMessage[] } {
  const outbox: RaftMessage[] = [];
  const make = (disk: CoreDisk) =>
    new RaftNode({ id: a, random: seededRandom(1), hardState: disk.hardState, membership, log: disk });
  return { host: new CoreHost(outbox, make), sent: () => outbox.splice(0) };
}

test('a suffix that a crash brought back from the disk is neither committed nor acknowledged', () => {
  const { host, sent } = follower();
  host.core.step(append(b, 1, [0, 0], [entry(1, 1), entry(2, 1), entry(3, 1)]));
  host.flush();
  // The leader of term 2 never had 2@1. What it replaces is replaced in memory, while the disk is slow.
  host.core.step(append(d, 2, [1, 1], [entry(2, 2)]));
  // The leader of term 3 has 2@1, but its 3 is another. It is told to look before 2, by a log that is not on disk.
  host.core.step(append(c, 3, [2, 1], [entry(3, 3)]));
  sent();
  host.drain();
  expect(sent()).toMatchObject([{ to: c, success: false, hintIndex: 1 }]);
  host.crash();
  // Meanwhile 3@3 was committed elsewhere. This message verifies 2 alone; after it there is 3@1 again.
  host.core.step(append(c, 3, [1, 1], [entry(2, 1)], 3));
  host.flush();
  expect(host.core).toMatchObject({ lastIndex: 3, commitIndex: 2 });
  expect(sent()).toMatchObject([{ to: c, success: true, matchIndex: 2 }]);
});

test('a snapshot that is older than what was committed here is not asked for, compacted or not', () => {
  const { host, sent } = follower();
  host.core.step(
    append(
      b,
      1,
      [0, 0],
      [1, 2, 3, 4, 5].map((index) => entry(index, 1)),
      5,
    ),
  );
  host.flush();
  host.disk.compact(snapshotAt(5, 1));
  sent();
  host.core.step(chunk(b, 1, snapshotAt(3, 1)));
  expect(host.drain().flatMap((ready) => ready.snapshotChunks)).toEqual([]);
  expect(sent()).toContainEqual(
    expect.objectContaining({ type: 'installSnapshotReply', index: 3, installed: true }),
  );
});

test('a snapshot of entries that are held, but not on disk yet, is not said to be installed', () => {
  const { host, sent } = follower();
  host.core.step(append(b, 1, [0, 0], []));
  host.flush();
  sent();
  host.core.step(append(b, 1, [0, 0], [entry(1, 1), entry(2, 1)]));
  host.core.step(chunk(b, 1, snapshotAt(2, 1)));
  host.drain();
  expect(sent().filter((message) => message.type === 'installSnapshotReply')).toEqual([]);
  host.flush();
  expect(sent()).toContainEqual(expect.objectContaining({ type: 'appendReply', matchIndex: 2 }));
});

test('a snapshot replaces the log only after every write under way is done', () => {
  const { host } = follower();
  host.core.step(append(b, 1, [0, 0], [entry(1, 1)]));
  host.drain();
  host.core.snapshotReceived(snapshotAt(9, 1));
  expect(host.drain().map((ready) => ready.install)).toEqual([]);
  host.flushOne();
  expect(host.drain().map((ready) => ready.install)).toEqual([snapshotAt(9, 1)]);
});
