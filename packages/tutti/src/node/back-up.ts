import { open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { type BackupAbout, BackupFile, backupBytes } from '@tutti/consensus/file';
import { isTuttiError, messageOf, systemClock, TuttiError } from '@tutti/kernel';
import type { TuttiNode } from './create-node.ts';

/**
 * Writes all that a node's group had acknowledged before this call to a file, while the group goes on. The file is there
 * under its name when it is complete and has been read again, and not before; one that was there is replaced then.
 * `restoreCluster` makes a new cluster of it.
 * @throws TuttiError `TUTTI_FOLDER_UNWRITABLE`, `TUTTI_GROUP_OF_ONE`, and what `Replica.holdState` refuses
 */
export async function backUp(node: TuttiNode, file: string): Promise<BackupAbout> {
  return await writeBackup(file, await backupOf(node));
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

/** Puts a backup in place when all of it has come. @throws TuttiError `TUTTI_BACKUP_UNUSABLE` if what came is none */
export async function writeBackup(file: string, bytes: AsyncIterable<Uint8Array>): Promise<BackupAbout> {
  const path = resolve(file);
  const draft = `${path}.${process.pid}.tmp`;
  try {
    await write(draft, bytes);
    const backup = BackupFile.open(draft);
    backup.close();
    await rename(draft, path);
    await flushFolder(dirname(path));
    return backup.about;
  } finally {
    await rm(draft, { force: true });
  }
}

async function write(draft: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    const handle = await open(draft, 'w', 0o600);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    if (isTuttiError(thrown)) throw thrown;
    const problem = messageOf(thrown);
    throw new TuttiError('TUTTI_FOLDER_UNWRITABLE', { folder: dirname(draft), problem }, { cause: thrown });
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
