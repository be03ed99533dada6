import { existsSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { type BackupAbout, BackupFile, backupBytes } from '@tutti/consensus/file';
import { isTuttiError, messageOf, systemClock, TuttiError } from '@tutti/kernel';
import type { TuttiNode } from './create-node.ts';

/** How a backup is put in its place. */
export interface BackupOptions {
  /** Whether a file that is there under this name may go; default false. It goes when the new one is complete. */
  readonly replace?: boolean;
}

/**
 * Writes all that a node's group had acknowledged before this call to a file, while the group goes on. The file is there
 * under its name when it is complete and has been read again, and not before. `restoreCluster` makes a new cluster of it.
 * @throws TuttiError `TUTTI_BACKUP_EXISTS`, `TUTTI_BACKUP_UNWRITABLE`, `TUTTI_GROUP_OF_ONE`, and what
 * `Replica.holdState` refuses
 */
export async function backUp(
  node: TuttiNode,
  file: string,
  options: BackupOptions = {},
): Promise<BackupAbout> {
  refuseTaken(file, options);
  return await writeBackup(file, await backupOf(node), options);
}

/** {@link backUp} as bytes, read as they are written out; the state that they are of stays on the disk until the end. */
export async function backupOf(node: TuttiNode): Promise<Readable> {
  const { snapshot, release } = await node.group.holdState();
  // The members in the state are of these lives: whoever begins from it must come later.
  const lives = node.members.list().map((member): number => member.incarnation);
  const about = {
    cluster: node.cluster,
    node: node.id,
    takenAtMs: systemClock.wallTime(),
    note: { incarnation: Math.max(node.incarnation, ...lives) },
  };
  return Readable.from(backupBytes(snapshot, about), { objectMode: false }).once('close', release);
}

/**
 * Puts a backup in place when all of it has come.
 * @throws TuttiError `TUTTI_BACKUP_UNUSABLE` if what came is none, `TUTTI_BACKUP_EXISTS`, `TUTTI_BACKUP_UNWRITABLE`
 */
export async function writeBackup(
  file: string,
  bytes: AsyncIterable<Uint8Array>,
  options: BackupOptions = {},
): Promise<BackupAbout> {
  const path = resolve(file);
  refuseTaken(path, options);
  const draft = `${path}.${process.pid}.tmp`;
  try {
    await writing(path, () => write(draft, bytes));
    const backup = BackupFile.open(draft);
    backup.close();
    // Again: it took its time.
    refuseTaken(path, options);
    await writing(path, async () => {
      await rename(draft, path);
      await flushFolder(dirname(path));
    });
    return backup.about;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Found out before anything is asked of the cluster. */
function refuseTaken(file: string, { replace = false }: BackupOptions): void {
  const path = resolve(file);
  if (!replace && existsSync(path)) throw new TuttiError('TUTTI_BACKUP_EXISTS', { file: path });
}

async function writing(file: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    if (isTuttiError(thrown)) throw thrown;
    throw new TuttiError('TUTTI_BACKUP_UNWRITABLE', { file, problem: messageOf(thrown) }, { cause: thrown });
  }
}

async function write(draft: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const handle = await open(draft, 'w', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
