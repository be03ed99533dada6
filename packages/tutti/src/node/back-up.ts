import { existsSync } from 'node:fs';
import { link, open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { type BackupAbout, BackupFile, backupBytes } from '@tutti/consensus/file';
import { isTuttiError, messageOf, systemClock, TuttiError } from '@tutti/kernel';
import type { TuttiNode } from './create-node.ts';

/** How a backup is put in its place. */
export interface BackupOptions {
  /** Whether a file that is there under this name may go; default false. It goes when the new one is complete. */
  readonly replace?: boolean;
  /** Aborted, nothing is left of the backup, and the call rejects. */
  readonly signal?: AbortSignal;
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
  const bytes = await backupOf(node);
  try {
    return await writeBackup(file, bytes, options);
  } finally {
    bytes.destroy();
  }
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
 * @throws TuttiError `TUTTI_BACKUP_UNUSABLE` if what came is none, `TUTTI_BACKUP_EXISTS`, `TUTTI_BACKUP_UNWRITABLE`,
 * `TUTTI_ABORTED`
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
    await writing(path, () => write(draft, bytes, options));
    const backup = BackupFile.open(draft);
    backup.close();
    await writing(path, async () => {
      await putInPlace(draft, path, options);
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

/** A link is refused where a file is by now, which a rename would replace. */
async function putInPlace(draft: string, path: string, { replace = false }: BackupOptions): Promise<void> {
  if (replace) return await rename(draft, path);
  try {
    await link(draft, path);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new TuttiError('TUTTI_BACKUP_EXISTS', { file: path }, { cause: thrown });
    if (!WITHOUT_LINKS.has(code ?? '')) throw thrown;
    await rename(draft, path);
  }
}

/** What file systems without hard links answer. */
const WITHOUT_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

async function write(
  draft: string,
  bytes: AsyncIterable<Uint8Array>,
  { signal }: BackupOptions,
): Promise<void> {
  const handle = await open(draft, 'w', 0o600);
  const source = bytes[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await unlessAborted(source.next(), signal);
      if (next.done === true) break;
      await handle.writeFile(next.value);
    }
    await handle.sync();
  } finally {
    // Whoever sends them is told to stop, and not waited for: it may hang in what it was asked for last.
    void source.return?.().catch(() => {});
    await handle.close();
  }
}

/** Does not wait for the work once it is aborted: whoever sends the bytes may have stopped sending. */
function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new TuttiError('TUTTI_ABORTED', { what: 'The backup' }));
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted) abort();
    void work.then(resolve, reject).finally(() => signal?.removeEventListener('abort', abort));
  });
}

async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
