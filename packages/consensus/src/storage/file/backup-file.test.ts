import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterId, nodeId } from '@tutti/kernel';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StoredSnapshot } from '../log-store.ts';
import { closeStore, openStore, snapshotInto } from '../log-store-suite.ts';
import { BackupFile, backupBytes } from './backup-file.ts';
import { FileLogStore } from './file-log-store.ts';
import { writeFileMark } from './file-mark.ts';

const folder = mkdtempSync(join(tmpdir(), 'tutti-backup-'));
const path = join(folder, 'backup');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const about = { cluster: 'c', node: 'n1', takenAtMs: 1_700_000_000_000, note: { incarnation: 4 } };

async function bytesOf(snapshot: StoredSnapshot): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of backupBytes(snapshot, about)) pieces.push(piece);
  return Buffer.concat(pieces);
}

const readAll = (stored: StoredSnapshot): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    stored.read(0, stored.totalBytes, (failure, data) =>
      failure ? reject(failure) : resolve(Buffer.from(data)),
    );
  });

/** The backup of a store that has a snapshot with this content. */
async function backedUp(content: Uint8Array): Promise<Buffer> {
  const directory = mkdtempSync(join(folder, 'store-'));
  const store = new FileLogStore({ directory, clusterId: clusterId('c'), nodeId: nodeId('n1') });
  await openStore(store);
  await snapshotInto(store, 7, 3, content);
  const bytes = await bytesOf(store.snapshot()!);
  await closeStore(store);
  return bytes;
}

/** How opening these bytes ends. */
function refusalOf(bytes: Uint8Array): string {
  writeFileSync(path, bytes);
  try {
    BackupFile.open(path).close();
    return 'none';
  } catch (thrown) {
    return (thrown as { code?: string }).code ?? String(thrown);
  }
}

describe('a backup', () => {
  test('has the state of a snapshot, and says up to which entry, of whom and when', async () => {
    const content = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 31) % 251));
    writeFileSync(path, await backedUp(content));
    const backup = BackupFile.open(path);
    expect(backup.about).toMatchObject({ ...about, snapshot: { index: 7, term: 3 } });
    expect((await readAll(backup.contents)).equals(content)).toBe(true);
    backup.close();
  });

  describe('of a small state', () => {
    let whole: Buffer;
    beforeAll(async () => {
      whole = await backedUp(Buffer.from('a small state'));
    });

    test('is refused when any byte of it has changed', () => {
      for (let at = 0; at < whole.length; at++) {
        const damaged = Buffer.from(whole);
        damaged[at]! ^= 1 << (at % 8);
        expect([at, refusalOf(damaged)]).toEqual([at, 'TUTTI_BACKUP_UNUSABLE']);
      }
      expect(refusalOf(whole)).toBe('none');
    });

    test('is refused when it is cut off anywhere, or goes on', () => {
      for (let length = 0; length < whole.length; length++)
        expect([length, refusalOf(whole.subarray(0, length))]).toEqual([length, 'TUTTI_BACKUP_UNUSABLE']);
      expect(refusalOf(Buffer.concat([whole, Buffer.alloc(1)]))).toBe('TUTTI_BACKUP_UNUSABLE');
    });

    test('says where it is damaged, and names no byte that it does not have', () => {
      const contentsFrom = whole.indexOf('a small state');
      const told = (bytes: Uint8Array) => {
        writeFileSync(path, bytes);
        try {
          BackupFile.open(path).close();
          return 'nothing';
        } catch (thrown) {
          return (thrown as Error).message.slice((thrown as Error).message.indexOf('cannot be used: ') + 16);
        }
      };
      const turned = (at: number) => Buffer.from(whole.map((byte, i) => (i === at ? byte ^ 1 : byte)));
      const block = `it is damaged at byte ${contentsFrom}: the block that begins there is not as it was written`;
      expect(told(turned(contentsFrom + 5))).toBe(block);
      const around = `it is damaged at byte 0: its first ${contentsFrom} bytes, or those behind its contents, are not as they were written`;
      // In the meta data, in a block's checksum, and in the last checksum.
      for (const at of [contentsFrom - 3, contentsFrom + 14, whole.length - 1])
        expect(told(turned(at))).toBe(around);
      expect(told(whole.subarray(0, whole.length - 6))).toMatch(
        new RegExp(`^it is damaged at byte ${whole.length - 6}: it is cut off`),
      );
      expect(told(whole.subarray(0, 40))).toMatch(/: it ends at byte 40, within its header/);
      expect(told(whole.subarray(0, 5))).toBe('it is damaged at byte 5: it is cut off');
      expect(told(Buffer.from('no backup at all, but long'))).toContain('it does not begin with TUTTIBAK');
    });

    test('of a later format is left to the version that wrote it', () => {
      const later = Buffer.from(whole);
      writeFileMark(later, { letters: 'TUTTIBAK', version: 2 });
      expect(refusalOf(later)).toBe('TUTTI_STORE_NEWER_VERSION');
    });

    test('is not a snapshot, and a file that is not there is no backup', () => {
      const snapshot = Buffer.from(whole);
      writeFileMark(snapshot, { letters: 'TUTTISNP', version: 3 });
      expect(refusalOf(snapshot)).toBe('TUTTI_BACKUP_UNUSABLE');
      expect(() => BackupFile.open(join(folder, 'nowhere'))).toThrow(
        expect.objectContaining({ code: 'TUTTI_BACKUP_UNUSABLE' }),
      );
    });
  });

  test('breaks off when the snapshot that it is made of has rotted', async () => {
    const directory = mkdtempSync(join(folder, 'store-'));
    const store = new FileLogStore({ directory, clusterId: clusterId('c'), nodeId: nodeId('n1') });
    await openStore(store);
    await snapshotInto(store, 7, 3, Buffer.alloc(200_000, 1));
    const file = join(directory, 'snapshot-0000000000000007.snap');
    const bytes = readFileSync(file);
    bytes[150_000]! ^= 1;
    writeFileSync(file, bytes);
    await expect(bytesOf(store.snapshot()!)).rejects.toMatchObject({ code: 'TUTTI_STORE_CORRUPT' });
    await closeStore(store);
  });
});
