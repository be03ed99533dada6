import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterId, isTuttiError, logIndex, nodeId, seededRandom, term } from '@tutti/kernel';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { Entry } from '../../raft/messages.ts';
import {
  appendTo,
  closeStore,
  holds,
  openStore,
  repairStore,
  resetStore,
  snapshotInto,
  suiteEntries,
  suiteEntry,
} from '../log-store-suite.ts';
import { FileLogStore } from './file-log-store.ts';
import { writeFileMark } from './file-mark.ts';
import { FLUSH_MARK_AT, FLUSH_MARK_BYTES } from './flush-mark.ts';
import { readMetaCopy } from './meta-file.ts';
import { SNAPSHOT_MARK } from './snapshot-format.ts';
import { type Peer, repaired } from './testing/repaired-from-peer.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'tutti-damage-'));
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

let count = 0;
let directory = '';
beforeEach(() => {
  directory = join(root, `store-${count++}`);
});

const storeIn = (): FileLogStore =>
  new FileLogStore({ directory, clusterId: clusterId('c'), nodeId: nodeId('n1'), segmentBytes: 4096 });

const files = (ending: string): string[] =>
  fs
    .readdirSync(directory)
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(directory, name));

/** Whether a segment holds the last write, or was made ready for later ones. */
const isEnd = (bytes: Buffer): boolean =>
  bytes.includes('n3') || bytes.subarray(64).every((byte) => byte === 0);

async function written(entries: readonly Entry[]): Promise<void> {
  const store = storeIn();
  await openStore(store);
  await appendTo(store, { hardState: { term: term(1), votedFor: nodeId('n2') } });
  for (const entry of entries) await appendTo(store, { entries: [entry] });
  await appendTo(store, { hardState: { term: term(3), votedFor: nodeId('n3') } });
  await closeStore(store);
}

describe('damage to a log that was flushed', () => {
  test('is found at every byte, changes nothing by itself, and is put right from a peer', async () => {
    const peer: Peer = { entries: [...suiteEntries(1, 9, 1), ...suiteEntries(10, 14, 2)] };
    await written(peer.entries);
    const [path] = files('.log');
    const bytes = fs.readFileSync(path!);
    let end = bytes.length;
    while (bytes[end - 1] === 0) end--;
    // The last batch stands 88 bytes before the end: hard state twice, with a vote in each.
    const lastBatch = ((end + 7) & ~7) - 2 * 48;
    let harmless = 0;
    for (let place = 64; place < lastBatch; place += 5) {
      const damaged = Buffer.from(bytes);
      damaged[place]! ^= 0x5a;
      fs.writeFileSync(path!, damaged);
      const store = storeIn();
      const opened = await openStore(store);
      if (opened.damage) {
        expect(isTuttiError(opened.damage.failure, 'TUTTI_STORE_CORRUPT')).toBe(true);
        expect(fs.readFileSync(path!).equals(damaged), `nothing is changed, byte ${place}`).toBe(true);
        expect(opened.hardState).toEqual({ term: 3, votedFor: 'n3' });
        await repaired(store, opened, peer);
      } else harmless++;
      holds(store, 1, peer.entries);
      await appendTo(store, { entries: [suiteEntry(15, 3)] });
      await closeStore(store);
      const again = storeIn();
      const { hardState, damage } = await openStore(again);
      expect(damage).toBeUndefined();
      expect(hardState, `byte ${place}`).toEqual({ term: 3, votedFor: 'n3' });
      holds(again, 1, [...peer.entries, suiteEntry(15, 3)]);
      await closeStore(again);
    }
    expect(harmless).toBeGreaterThan(0);
  });

  test('at the head of its very first write is no beginning: term and vote stood there', async () => {
    const peer: Peer = { entries: suiteEntries(1, 3, 1) };
    const store = storeIn();
    await openStore(store);
    const hardState = { term: term(1), votedFor: nodeId('n2') };
    await appendTo(store, { hardState, entries: peer.entries });
    await closeStore(store);
    const [path] = files('.log');
    const bytes = fs.readFileSync(path!);
    // The batch begins with the hard state twice: as it was before, and as it is now.
    for (const place of ['head', 'all', 'entry'] as const) {
      const damaged = Buffer.from(bytes);
      const headEnd = bytes.indexOf(peer.entries[0]!.data);
      damaged.fill(0xee, 64, place === 'head' ? 80 : headEnd - (place === 'all' ? 40 : 0));
      fs.writeFileSync(path!, damaged);
      const again = storeIn();
      let state = await openStore(again);
      if (place === 'head') {
        expect(state).toMatchObject({ damage: undefined, hardState });
      } else {
        expect(state.damage, place).toMatchObject({ hardStateLost: true });
        if (place === 'entry')
          state = await repairStore(again, { kind: 'entries', entries: [suiteEntry(1, 1)] });
        expect(state.damage, place).toMatchObject({ lost: [], hardStateLost: true });
        await repaired(again, state, peer);
      }
      holds(again, 1, peer.entries);
      await closeStore(again);
      const last = storeIn();
      const promised = place === 'head' ? hardState : { term: 9, votedFor: 'n9' };
      expect(await openStore(last), place).toMatchObject({ damage: undefined, hardState: promised });
      await closeStore(last);
      // Without the note that it was flushed it is what a crash left of a write.
      damaged.fill(0, FLUSH_MARK_AT, FLUSH_MARK_AT + FLUSH_MARK_BYTES);
      fs.writeFileSync(path!, damaged);
      const torn = storeIn();
      expect(await openStore(torn), place).toMatchObject({
        damage: undefined,
        lastIndex: 0,
        hardState: { term: 0 },
      });
      await closeStore(torn);
    }
  });

  test('that grows while it is put right is found again, and put right as well', async () => {
    const entries = suiteEntries(1, 9, 1);
    await written(entries);
    const [path] = files('.log');
    const bytes = fs.readFileSync(path!);
    /** The byte where the data of entry `index` begin. */
    const dataOf = (index: number): number => bytes.indexOf(entries[index - 1]!.data);
    const damage = (index: number): void => {
      const now = fs.readFileSync(path!);
      now[dataOf(index)]! ^= 0x5a;
      fs.writeFileSync(path!, now);
    };
    for (const [first, second] of [
      [5, 3],
      [5, 4],
      [5, 6],
      [5, 7],
    ] as const) {
      fs.writeFileSync(path!, bytes);
      damage(first);
      const store = storeIn();
      const opened = await openStore(store);
      expect(opened.damage?.lost).toMatchObject([{ from: first, to: first }]);
      damage(second);
      const steps = await repaired(store, opened, { entries });
      expect(steps.length, `${first}, then ${second}`).toBeGreaterThan(1);
      holds(store, 1, entries);
      await closeStore(store);
      const again = storeIn();
      expect((await openStore(again)).damage).toBeUndefined();
      holds(again, 1, entries);
      await closeStore(again);
    }
  });

  test('is not put right by a disk that refuses the mark of a lost end: whoever waits is told', async () => {
    await written(suiteEntries(1, 9, 1));
    const disk = {
      fsyncSync: (handle: number): void => {
        if (refuses) throw Object.assign(new Error('EIO: fsync'), { code: 'EIO' });
        fs.fsyncSync(handle);
      },
    };
    let refuses = false;
    const options = { directory, clusterId: clusterId('c'), nodeId: nodeId('n1'), segmentBytes: 4096 };
    const store = new FileLogStore(options, disk);
    await openStore(store);
    refuses = true;
    const refusal = await repairStore(store, { kind: 'cut', from: logIndex(10) }).catch((thrown) => thrown);
    expect(isTuttiError(refusal, 'TUTTI_STORE_FAILED')).toBe(true);
    refuses = false;
    await closeStore(store);
  });

  test('in the last write is damage too once it is noted that it was flushed, and a torn write before', async () => {
    const peer: Peer = { entries: suiteEntries(1, 6, 1) };
    await written(peer.entries);
    const [path] = files('.log');
    const noted = fs.readFileSync(path!);
    const end = noted.lastIndexOf('n3') + 8;
    const outcomes: string[] = [];
    for (const isNoted of [true, false])
      for (let place = end - 2 * 48 + 1; place < end - 8; place += 3) {
        const bytes = Buffer.from(noted);
        if (!isNoted) bytes.fill(0, FLUSH_MARK_AT, FLUSH_MARK_AT + FLUSH_MARK_BYTES);
        bytes[place]! ^= 0x5a;
        fs.writeFileSync(path!, bytes);
        const store = storeIn();
        const opened = await openStore(store);
        const { endLost = false, hardStateLost = false } = opened.damage ?? {};
        const outcome = `${endLost} ${hardStateLost} ${opened.hardState.term}`;
        // What fills a record up to eight bytes says nothing.
        if (outcome !== 'false false 3') outcomes.push(`${isNoted}: ${outcome}`);
        if (isNoted) {
          await repaired(store, opened, peer);
          await closeStore(store);
          const again = storeIn();
          expect((await openStore(again)).damage).toBeUndefined();
          holds(again, 1, peer.entries);
          await closeStore(again);
        } else await closeStore(store);
      }
    expect([...new Set(outcomes)]).toEqual([
      // Of the two hard states in it the first is lost, or the second.
      'true: true false 3',
      'true: true true 1',
      'false: false false 1',
    ]);
  });

  test('in the last write stays damage while a hole before it in the same segment is closed', async () => {
    const peer: Peer = { entries: suiteEntries(1, 6, 1) };
    await written(peer.entries);
    const [path] = files('.log');
    const bytes = fs.readFileSync(path!);
    bytes[bytes.indexOf(peer.entries[2]!.data)]! ^= 0x5a;
    bytes[bytes.lastIndexOf('n3')]! ^= 0x5a;
    for (const isWhole of [true, false]) {
      // All of the last write that can be read is gone, or one of its two records is.
      if (!isWhole) bytes.fill(0xee, bytes.lastIndexOf('n2') - 40, bytes.lastIndexOf('n2') + 8);
      fs.writeFileSync(path!, bytes);
      const store = storeIn();
      const opened = await openStore(store);
      expect(opened.damage).toMatchObject({ lost: [{ from: 3, to: 3 }], endLost: true });
      const filled = await repairStore(store, { kind: 'entries', entries: [peer.entries[2]!] });
      expect(filled.damage).toMatchObject({ lost: [], endLost: true });
      expect(filled.damage!.hardStateLost).toBe(opened.damage!.hardStateLost);
      expect(await repaired(store, filled, peer)).toEqual(['cut 7']);
      holds(store, 1, peer.entries);
      await closeStore(store);
    }
  });

  test('that took a vote is no less when the entries beside it have been made up for, also over a restart', async () => {
    const entries = [...suiteEntries(1, 3, 1), ...suiteEntries(4, 5, 5)];
    for (const kind of ['entries', 'snapshot'] as const) {
      directory = join(root, `vote-and-${kind}`);
      const store = storeIn();
      await openStore(store);
      const before = { term: term(1), votedFor: nodeId('n2') };
      await appendTo(store, { hardState: before, entries: entries.slice(0, 3) });
      await appendTo(store, {
        hardState: { term: term(5), votedFor: nodeId('n3') },
        entries: entries.slice(3),
      });
      await closeStore(store);
      const [path] = files('.log');
      const bytes = fs.readFileSync(path!);
      // Both hard states of the last write and the first of its entries; the other one is whole.
      bytes.fill(0xee, bytes.lastIndexOf('n2') - 40, bytes.indexOf(entries[3]!.data) + 20);
      fs.writeFileSync(path!, bytes);
      const again = storeIn();
      const opened = await openStore(again);
      expect(opened).toMatchObject({
        hardState: before,
        damage: { lost: [{ from: 4, to: 4 }], endLost: false, hardStateLost: true },
      });
      if (kind === 'snapshot') await snapshotInto(again, 4, 5, new Uint8Array(100));
      const step = kind === 'snapshot' ? { kind } : { kind, entries: [entries[3]!] };
      const forgetful = { hardState: before, damage: { lost: [], endLost: false, hardStateLost: true } };
      expect(await repairStore(again, step)).toMatchObject(forgetful);
      await closeStore(again);
      const third = storeIn();
      const reopened = await openStore(third);
      expect(reopened).toMatchObject(forgetful);
      expect(await repaired(third, reopened, { entries })).toEqual(['cut 6']);
      await closeStore(third);
      const last = storeIn();
      const promised = { damage: undefined, hardState: { term: 9, votedFor: 'n9' } };
      expect(await openStore(last)).toMatchObject(promised);
      const { firstIndex } = last;
      holds(last, firstIndex, entries.slice(firstIndex - 1));
      await closeStore(last);
    }
  });

  test('which takes the whole of the first write is noticed, though the one after it has no entries', async () => {
    const store = storeIn();
    await openStore(store);
    await appendTo(store, {
      hardState: { term: term(1), votedFor: nodeId('n2') },
      entries: suiteEntries(1, 3, 1),
    });
    await appendTo(store, { hardState: { term: term(2), votedFor: nodeId('n3') } });
    await closeStore(store);
    const [path] = files('.log');
    const bytes = fs.readFileSync(path!);
    bytes.fill(0xee, 64, bytes.lastIndexOf('n2') - 40);
    fs.writeFileSync(path!, bytes);
    const again = storeIn();
    const opened = await openStore(again);
    expect(opened).toMatchObject({ hardState: { term: 2 }, damage: { endLost: true, hardStateLost: false } });
    await repaired(again, opened, { entries: suiteEntries(1, 3, 1) });
    holds(again, 1, suiteEntries(1, 3, 1));
    await closeStore(again);
  });

  test('in the last write is damage where the note that it was flushed has decayed with it', async () => {
    const peer: Peer = { entries: suiteEntries(1, 6, 1) };
    await written(peer.entries);
    const [path] = files('.log');
    const noted = fs.readFileSync(path!);
    const last = noted.lastIndexOf('n3');
    for (let bit = 0; bit < 8 * FLUSH_MARK_BYTES; bit++) {
      const bytes = Buffer.from(noted);
      bytes[FLUSH_MARK_AT + (bit >> 3)]! ^= 1 << (bit & 7);
      fs.writeFileSync(path!, bytes);
      const whole = storeIn();
      expect((await openStore(whole)).damage, `the note alone, bit ${bit}`).toBeUndefined();
      await closeStore(whole);
      // One record of the last write, or both.
      bytes.fill(0xee, last - (bit % 2 === 0 ? 8 : 56), last);
      fs.writeFileSync(path!, bytes);
      const store = storeIn();
      const opened = await openStore(store);
      expect(opened.damage, `bit ${bit}`).toMatchObject({ endLost: true });
      await repaired(store, opened, peer);
      holds(store, 1, peer.entries);
      await closeStore(store);
    }
  });

  test('is not what a crash left of the first write after a start that found the note decayed', async () => {
    await written(suiteEntries(1, 6, 1));
    const [path] = files('.log');
    const bytes = fs.readFileSync(path!);
    bytes[FLUSH_MARK_AT]! ^= 1;
    fs.writeFileSync(path!, bytes);
    const store = storeIn();
    await openStore(store);
    await appendTo(store, { entries: [suiteEntry(7, 3)] });
    const torn = fs.readFileSync(path!);
    await closeStore(store);
    torn.fill(0, torn.indexOf(suiteEntry(7, 3).data));
    fs.writeFileSync(path!, torn);
    const again = storeIn();
    expect((await openStore(again)).damage).toBeUndefined();
    holds(again, 1, suiteEntries(1, 6, 1));
    await closeStore(again);
  });

  test('in the last write of a log that was only opened is damage too: opening notes what it has found', async () => {
    const entries = suiteEntries(1, 6, 1);
    await written(entries);
    const [path] = files('.log');
    const bytes = fs.readFileSync(path!);
    bytes.fill(0, FLUSH_MARK_AT, FLUSH_MARK_AT + FLUSH_MARK_BYTES);
    fs.writeFileSync(path!, bytes);
    const store = storeIn();
    await openStore(store);
    const open = fs.readFileSync(path!);
    await closeStore(store);
    open[open.lastIndexOf('n3')]! ^= 0x5a;
    fs.writeFileSync(path!, open);
    const again = storeIn();
    expect((await openStore(again)).damage).toMatchObject({ endLost: true });
    await closeStore(again);
  });

  test('which takes whole segments from the end is noticed, because it was noted how far the log was flushed', async () => {
    const entries = suiteEntries(1, 30, 1, 500);
    await written(entries);
    const used = files('.log').filter(
      (path) =>
        !fs
          .readFileSync(path)
          .subarray(64)
          .every((byte) => byte === 0),
    );
    const last = fs.readFileSync(used.at(-1)!);
    last.fill(0, 64);
    fs.writeFileSync(used.at(-1)!, last);
    const store = storeIn();
    const opened = await openStore(store);
    expect(opened.damage).toMatchObject({ endLost: true, hardStateLost: true });
    expect(opened.lastIndex).toBeLessThan(30);
    await repaired(store, opened, { entries });
    holds(store, 1, entries);
    await closeStore(store);
  });

  test('in several segments at once is put right, whatever is damaged, with what peers have', async () => {
    const random = seededRandom(7);
    for (let round = 0; round < 25; round++) {
      directory = join(root, `rounds-${round}`);
      const entries = Array.from({ length: 60 }, (_, i) => suiteEntry(i + 1, 1 + Math.floor(i / 13), 300));
      const peer: Peer = { entries };
      await written(entries);
      // What is behind the damage is what tells it from a torn write, so the last write is left whole.
      const logs = files('.log').filter((path) => !isEnd(fs.readFileSync(path)));
      for (let hit = random.integer(1, 4); hit > 0; hit--) {
        const path = logs[random.integer(0, logs.length - 1)]!;
        if (!fs.existsSync(path)) continue;
        const bytes = fs.readFileSync(path);
        const from = random.integer(64, bytes.length - 1);
        bytes.fill(
          random.chance(0.5) ? 0 : 0xee,
          from,
          Math.min(bytes.length, from + random.integer(1, 900)),
        );
        if (random.chance(0.1)) fs.rmSync(path, { force: true });
        else fs.writeFileSync(path, bytes);
      }
      const store = storeIn();
      const opened = await openStore(store);
      const steps = await repaired(store, opened, peer);
      expect(store.entries(logIndex(1), logIndex(60), Infinity), `${round}: ${steps.join()}`).toEqual(
        entries,
      );
      await closeStore(store);
      const again = storeIn();
      const { damage, hardState } = await openStore(again);
      expect(damage, `${round}: ${steps.join()}`).toBeUndefined();
      expect(hardState.term === 3 || steps.some((step) => step.startsWith('cut'))).toBe(true);
      holds(again, 1, entries);
      await closeStore(again);
    }
  });

  test('in a write that replaced entries does not leave the ones that it replaced', async () => {
    // Entries 4 to 6 of term 1 were replaced by the damaged write; the one after it is whole.
    const store = storeIn();
    await openStore(store);
    await appendTo(store, { entries: suiteEntries(1, 6, 1) });
    await appendTo(store, { entries: suiteEntries(4, 8, 2) });
    await appendTo(store, { entries: suiteEntries(9, 10, 3) });
    await closeStore(store);
    const [path] = files('.log');
    const bytes = fs.readFileSync(path!);
    // The second batch: a hard state of 40 bytes before five entries of 64.
    const second = 64 + 40 + 6 * 64;
    bytes.fill(0xee, second, second + 40 + 5 * 64);
    fs.writeFileSync(path!, bytes);
    const again = storeIn();
    const opened = await openStore(again);
    expect(opened.damage?.lost).toEqual([expect.objectContaining({ from: 7, to: 8 })]);
    const peer = { entries: [...suiteEntries(1, 3, 1), ...suiteEntries(4, 8, 2), ...suiteEntries(9, 10, 3)] };
    expect(await repaired(again, opened, peer)).toEqual(['entries 4-8']);
    holds(again, 1, peer.entries);
    await closeStore(again);
  });

  test('that takes the end away is remembered until the end has been fetched, also over a restart', async () => {
    await written(suiteEntries(1, 60, 1, 500));
    const logs = files('.log');
    const last = logs.findIndex((path) => fs.readFileSync(path).includes('n3'));
    for (const path of logs.slice(last - 2, last + 1)) {
      const bytes = fs.readFileSync(path);
      // All but the last batch of the log, which has no entries.
      const keep = path === logs[last] ? bytes.lastIndexOf('n3') - 48 - 40 : bytes.length;
      bytes.fill(0xee, 64, keep);
      fs.writeFileSync(path, bytes);
    }
    const store = storeIn();
    const opened = await openStore(store);
    expect(opened.damage).toMatchObject({ lost: [], endLost: true });
    const cut = await repairStore(store, { kind: 'cut', from: logIndex(opened.lastIndex + 1) });
    expect(cut.damage).toMatchObject({ lost: [], endLost: true });
    await appendTo(store, { entries: suiteEntries(cut.lastIndex + 1, cut.lastIndex + 2, 1, 500) });
    await closeStore(store);
    const again = storeIn();
    const reopened = await openStore(again);
    expect(reopened.damage?.endLost).toBe(true);
    expect(reopened.lastIndex).toBe(cut.lastIndex + 2);
    expect(reopened.hardState).toEqual({ term: 3, votedFor: 'n3' });
    await appendTo(again, { entries: suiteEntries(reopened.lastIndex + 1, 60, 1, 500) });
    expect((await repairStore(again, { kind: 'whole', hardState: undefined })).damage).toBeUndefined();
    await closeStore(again);
    const third = storeIn();
    expect((await openStore(third)).damage).toBeUndefined();
    holds(third, 1, suiteEntries(1, 60, 1, 500));
    await closeStore(third);
  });
});

describe('a snapshot that is damaged', () => {
  const damagedSnapshot = async (): Promise<void> => {
    const [path] = files('.snap');
    const bytes = fs.readFileSync(path!);
    bytes[bytes.length >> 1]! ^= 0x40;
    fs.writeFileSync(path!, bytes);
  };

  test('does not matter where the log goes back to its beginning', async () => {
    const store = storeIn();
    await openStore(store);
    await appendTo(store, { entries: suiteEntries(1, 5, 1) });
    await snapshotInto(store, 3, 1, new Uint8Array(1000).fill(9));
    await closeStore(store);
    await damagedSnapshot();
    const again = storeIn();
    const opened = await openStore(again);
    expect(opened.damage).toBeUndefined();
    expect(opened.snapshot).toBeUndefined();
    holds(again, 1, suiteEntries(1, 5, 1));
    await closeStore(again);
  });

  test('is replaced by one from a peer, and the log after it is kept', async () => {
    const entries = suiteEntries(1, 60, 1, 500);
    await written(entries);
    const store = storeIn();
    await openStore(store);
    await snapshotInto(store, 30, 1, new Uint8Array(1000));
    store.compact(logIndex(30));
    await closeStore(store);
    await damagedSnapshot();
    const again = storeIn();
    const opened = await openStore(again);
    expect(opened.damage).toMatchObject({ lost: [{ from: 1, to: opened.firstIndex - 1 }], endLost: false });
    expect(opened.hardState.term).toBe(3);
    const peer = { entries, snapshot: { index: 45, term: 1 } };
    expect(await repaired(again, opened, peer)).toEqual(['snapshot']);
    expect(again.snapshot()?.meta.index).toBe(45);
    holds(again, Number(again.firstIndex), entries.slice(again.firstIndex - 1));
    await closeStore(again);
    const third = storeIn();
    const { damage, lastIndex, snapshot } = await openStore(third);
    expect({ damage, lastIndex, snapshot: snapshot?.index }).toEqual({
      damage: undefined,
      lastIndex: 60,
      snapshot: 45,
    });
    await closeStore(third);
  });

  test('that was the whole log is replaced by one that goes further', async () => {
    const store = storeIn();
    await openStore(store);
    await appendTo(store, {
      hardState: { term: term(4), votedFor: nodeId('n2') },
      entries: suiteEntries(1, 3, 1),
    });
    await snapshotInto(store, 20, 4, new Uint8Array(100));
    await resetStore(store);
    await closeStore(store);
    await damagedSnapshot();
    const again = storeIn();
    const opened = await openStore(again);
    expect(opened.damage?.lost).toEqual([{ from: 1, to: 20 }]);
    await repaired(again, opened, { entries: [], snapshot: { index: 33, term: 5 } });
    expect([again.firstIndex, again.lastIndex]).toEqual([34, 33]);
    await appendTo(again, { entries: [suiteEntry(34, 5)] });
    await closeStore(again);
    const third = storeIn();
    const { damage, lastIndex, hardState } = await openStore(third);
    expect({ damage, lastIndex, hardState }).toEqual({
      damage: undefined,
      lastIndex: 34,
      hardState: { term: 4, votedFor: 'n2' },
    });
    await closeStore(third);
  });

  test('in any bit of its mark is damage, and only a whole mark of a later version is one', async () => {
    const store = storeIn();
    await openStore(store);
    await appendTo(store, { entries: suiteEntries(1, 5, 1) });
    await snapshotInto(store, 3, 1, new Uint8Array(1000).fill(9));
    await closeStore(store);
    const [path] = files('.snap');
    const whole = fs.readFileSync(path!);
    for (let bit = 0; bit < 8 * 20; bit++) {
      const bytes = Buffer.from(whole);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      fs.writeFileSync(path!, bytes);
      const again = storeIn();
      const { damage, snapshot } = await openStore(again);
      expect({ damage, snapshot }, `bit ${bit}`).toEqual({ damage: undefined, snapshot: undefined });
      await closeStore(again);
    }
    writeFileMark(whole, { ...SNAPSHOT_MARK, version: 7 });
    fs.writeFileSync(path!, whole);
    const failure: unknown = await openStore(storeIn()).catch((thrown: unknown) => thrown);
    expect(isTuttiError(failure, 'TUTTI_STORE_NEWER_VERSION') && failure.details).toEqual({
      file: path,
      found: 7,
      supported: SNAPSHOT_MARK.version,
    });
  });

  test('and no log beside it: neither term nor vote is known, and the store says so', async () => {
    const store = storeIn();
    await openStore(store);
    await appendTo(store, {
      hardState: { term: term(4), votedFor: nodeId('n2') },
      entries: suiteEntries(1, 3, 1),
    });
    await snapshotInto(store, 3, 1, new Uint8Array(100));
    await closeStore(store);
    for (const path of files('.log')) fs.rmSync(path);
    const again = storeIn();
    const opened = await openStore(again);
    expect(opened.damage).toMatchObject({ endLost: true, hardStateLost: true });
    await repaired(again, opened, { entries: suiteEntries(4, 6, 5) });
    await closeStore(again);
    const third = storeIn();
    const { damage, lastIndex, hardState } = await openStore(third);
    expect({ damage, lastIndex, hardState }).toEqual({
      damage: undefined,
      lastIndex: 6,
      hardState: { term: 9, votedFor: 'n9' },
    });
    await closeStore(third);
  });
});

test('a hole that a newer snapshot covers needs no entries, and the log after it is kept', async () => {
  const entries = suiteEntries(1, 60, 1, 500);
  await written(entries);
  const path = files('.log')[2]!;
  const bytes = fs.readFileSync(path);
  bytes.fill(0xee, 800, 2000);
  fs.writeFileSync(path, bytes);
  const store = storeIn();
  const opened = await openStore(store);
  const [lost] = opened.damage!.lost;
  await snapshotInto(store, lost!.to + 5, 1, new Uint8Array(100));
  const state = await repairStore(store, { kind: 'snapshot' });
  expect(state.damage).toBeUndefined();
  expect(state.firstIndex).toBe(lost!.to + 1);
  holds(store, lost!.to + 1, entries.slice(lost!.to));
  await closeStore(store);
  const again = storeIn();
  expect((await openStore(again)).damage).toBeUndefined();
  holds(again, lost!.to + 1, entries.slice(lost!.to));
  await closeStore(again);
});

test('a bit that has turned in the header of a segment takes nothing from the log', async () => {
  const entries = suiteEntries(1, 9, 1);
  await written(entries);
  const [path] = files('.log');
  const whole = fs.readFileSync(path!);
  for (let bit = 0; bit < 8 * 24; bit++) {
    const bytes = Buffer.from(whole);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    fs.writeFileSync(path!, bytes);
    const store = storeIn();
    expect((await openStore(store)).damage, `bit ${bit}`).toBeUndefined();
    holds(store, 1, entries);
    await closeStore(store);
  }
});

test('whose directory it is stands there twice, and each copy is put right from the other', async () => {
  const entries = suiteEntries(1, 3, 1);
  await written(entries);
  const names = ['meta.json', 'meta.copy.json'];
  const whole = names.map((name) => fs.readFileSync(join(directory, name)));
  expect(whole[0]!.equals(whole[1]!)).toBe(true);
  for (const name of names) {
    const path = join(directory, name);
    for (let at = 0; at <= whole[0]!.length; at++) {
      const bytes = Buffer.from(whole[0]!);
      if (at < bytes.length) bytes[at]! ^= 1 << (at & 7);
      if (at === bytes.length) fs.rmSync(path);
      else fs.writeFileSync(path, bytes);
      const store = storeIn();
      await openStore(store);
      holds(store, 1, entries);
      await closeStore(store);
      // What a parser does not see, such as a space that became another, may stay.
      const isSound = readMetaCopy(fs.readFileSync(path)) !== undefined;
      expect(isSound, `${name}, byte ${at}`).toBe(true);
    }
  }
});
