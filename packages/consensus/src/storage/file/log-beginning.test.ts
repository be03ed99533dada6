import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterId, logIndex, nodeId, TuttiError, term } from '@tutti/kernel';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { appendTo, closeStore, openStore, repairStore, suiteEntries } from '../log-store-suite.ts';
import { FileLogStore } from './file-log-store.ts';

const root = mkdtempSync(join(tmpdir(), 'tutti-beginning-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let directory: string;
let isNoted: boolean;
/** What was on the disk when the note was made. */
let notedWith: string[];
beforeEach(() => {
  directory = mkdtempSync(join(root, 'store-'));
  isNoted = false;
  notedWith = [];
});

const owner = { clusterId: clusterId('c'), nodeId: nodeId('n1') };
const storeIn = (note = () => {}): FileLogStore =>
  new FileLogStore({
    directory,
    ...owner,
    segmentBytes: 4096,
    beginning: {
      get isNoted() {
        return isNoted;
      },
      note: () => {
        note();
        isNoted = true;
        notedWith = readdirSync(directory).filter((name) => name.endsWith('.log'));
      },
    },
  });

const hardState = { term: term(3), votedFor: nodeId('n2') };

describe('the note that a log was begun', () => {
  test('is made when the first write is on the disk, and before anybody is told of it', async () => {
    const store = storeIn();
    await openStore(store);
    expect(isNoted).toBe(false);
    await appendTo(store, { hardState });
    expect(isNoted).toBe(true);
    expect(notedWith).toHaveLength(1);
    await closeStore(store);
  });

  test('is made for a log from before there were notes, when it is opened', async () => {
    const before = new FileLogStore({ directory, ...owner });
    await openStore(before);
    await appendTo(before, { hardState });
    await closeStore(before);
    const store = storeIn();
    expect((await openStore(store)).damage).toBeUndefined();
    expect(isNoted).toBe(true);
    await closeStore(store);
  });

  test.each([
    ['TUTTI_STORE_FAILED', new Error('it is not to be done')],
    ['TUTTI_STORE_FULL', Object.assign(new Error('no space'), { code: 'ENOSPC' })],
    ['TUTTI_STORE_FULL', new TuttiError('TUTTI_STORE_FULL', { directory: 'of the note' })],
  ])('fails the write that it could not be made for, with %s', async (code, refusal) => {
    const store = storeIn(() => {
      throw refusal;
    });
    await openStore(store);
    await expect(appendTo(store, { hardState })).rejects.toMatchObject({ code });
    await closeStore(store);
    // What was written is there all the same, and the note is made by a start that finds space.
    const again = storeIn();
    expect(await openStore(again)).toMatchObject({ damage: undefined, hardState });
    expect(isNoted).toBe(true);
    await closeStore(again);
  });

  test('is none of a store that was opened and never written to, which may begin again', async () => {
    for (let life = 0; life < 2; life++) {
      const store = storeIn();
      expect((await openStore(store)).damage).toBeUndefined();
      await closeStore(store);
    }
    expect(isNoted).toBe(false);
  });
});

describe('a log that was begun and is gone', () => {
  const ways: readonly (readonly [string, (name: string) => boolean])[] = [
    ['with its folder', () => true],
    ['without the file that says whose it was', (name) => !name.startsWith('meta')],
  ];

  test.each(ways)(
    '%s has lost term, vote and entries, and says so until it is whole again',
    async (_, isGone) => {
      const first = storeIn();
      await openStore(first);
      await appendTo(first, { hardState, entries: suiteEntries(1, 3, 3) });
      await closeStore(first);
      for (const name of readdirSync(directory).filter(isGone)) rmSync(join(directory, name));

      const lost = { lost: [], endLost: true, hardStateLost: true };
      const store = storeIn();
      expect((await openStore(store)).damage).toMatchObject(lost);
      // A repair that is begun and broken off: what it has fetched is not taken for the whole.
      await repairStore(store, { kind: 'cut', from: logIndex(1) });
      await appendTo(store, { entries: suiteEntries(1, 2, 3) });
      await closeStore(store);
      const again = storeIn();
      expect((await openStore(again)).damage).toMatchObject(lost);
      await repairStore(again, { kind: 'whole', hardState });
      await closeStore(again);
      const healed = storeIn();
      expect(await openStore(healed)).toMatchObject({ damage: undefined, lastIndex: 2, hardState });
      await closeStore(healed);
    },
  );
});
