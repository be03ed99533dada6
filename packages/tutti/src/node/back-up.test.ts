import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { backUp, backupOf, writeBackup } from './back-up.ts';
import { createNode, type TuttiNode } from './create-node.ts';

let folder: string;
let node: TuttiNode;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tutti-backup-'));
  node = createNode({ name: 'n1', dataDir: join(folder, 'n1') });
  await node.start();
});
afterEach(async () => {
  await node.stop();
  rmSync(folder, { recursive: true, force: true });
});

const backups = () => readdirSync(folder).filter((name) => name !== 'n1');

it('leaves nothing of a backup that is aborted while its bytes come', async () => {
  const abort = new AbortController();
  async function* endless() {
    yield new Uint8Array(1_000);
    abort.abort();
    await new Promise(() => {});
  }
  const writing = writeBackup(join(folder, 'b'), endless(), { signal: abort.signal });
  await expect(writing).rejects.toMatchObject({ code: 'TUTTI_ABORTED' });
  expect(backups()).toEqual([]);
});

it('does not replace a file that came while the bytes did, and leaves no draft', async () => {
  const file = join(folder, 'b');
  const bytes = await backupOf(node);
  async function* late() {
    yield* bytes;
    writeFileSync(file, 'another backup');
  }
  await expect(writeBackup(file, late())).rejects.toMatchObject({ code: 'TUTTI_BACKUP_EXISTS' });
  expect(readFileSync(file, 'utf8')).toBe('another backup');
  expect(backups()).toEqual(['b']);
  const { snapshot } = await backUp(node, file, { replace: true });
  expect(snapshot.index).toBeGreaterThan(0);
  expect(backups()).toEqual(['b']);
});
