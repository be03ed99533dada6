import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
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

it('lets go of the state that it is of, also when it cannot be written', async () => {
  const hold = node.group.holdState.bind(node.group);
  let held = 0;
  vi.spyOn(node.group, 'holdState').mockImplementation(async () => {
    const { snapshot, release } = await hold();
    held++;
    return {
      snapshot,
      release() {
        held--;
        release();
      },
    };
  });
  const failing = backUp(node, join(folder, 'missing', 'b'));
  await expect(failing).rejects.toMatchObject({ code: 'TUTTI_BACKUP_UNWRITABLE' });
  await vi.waitFor(() => expect(held).toBe(0));
});

it('has whoever sends the bytes stop when they cannot be written', async () => {
  let isOver = false;
  async function* sent() {
    try {
      // What is no bytes cannot be written.
      yield JSON.parse('1') as Uint8Array;
    } finally {
      isOver = true;
    }
  }
  await expect(writeBackup(join(folder, 'b'), sent())).rejects.toMatchObject({
    code: 'TUTTI_BACKUP_UNWRITABLE',
  });
  expect(isOver).toBe(true);
});
