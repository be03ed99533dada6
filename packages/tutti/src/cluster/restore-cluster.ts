import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type StoredSnapshot, seedStore } from '@tutti/consensus';
import { type BackupAbout, BackupFile, createFileLogStore } from '@tutti/consensus/file';
import { clusterId, nodeId, TuttiError } from '@tutti/kernel';
import { generateKeyPair } from '@tutti/transport';
import { logFolderOf, writeIdentity } from '../node/identity.ts';
import { leftDrafts } from '../node/left-drafts.ts';
import { makeWritableFolder } from '../node/writable-folder.ts';
import { clusterFolder } from './cluster-folder.ts';
import { ROSTER_FILE, Roster } from './roster.ts';

/** What is to be made of a backup. */
export interface RestoreOptions {
  readonly file: string;
  /** Made by this; it may be there if it is empty. A folder in it for each node. */
  readonly directory: string;
  /** The nodes that are to vote, such as `n1`, `n2` and `n3`. */
  readonly nodes: readonly string[];
  readonly cluster: string;
}

/** A cluster that was made, and has not been started. */
export interface Restored {
  readonly about: BackupAbout;
  readonly lineage: string;
}

/**
 * Makes a new cluster with the state of a backup, in new directories. Its lineage is new as well: nodes of the cluster
 * that the backup is of, or of another one that was made of it, are turned away. All is there under its name, or nothing.
 * @throws TuttiError `TUTTI_OPTION_INVALID`, `TUTTI_BACKUP_UNUSABLE`, `TUTTI_STORE_NEWER_VERSION`,
 * `TUTTI_RESTORE_NOT_EMPTY`, `TUTTI_FOLDER_OF_NODE`, `TUTTI_STORE_*`, `TUTTI_FOLDER_UNWRITABLE` also when another restore
 * to the same place, on another machine or in another container, took the half of this one for a leftover
 */
export async function restoreCluster(options: RestoreOptions): Promise<Restored> {
  checkNames(options.nodes);
  const directory = replaceable(clusterFolder(options.directory));
  const backup = BackupFile.open(resolve(options.file));
  clearDrafts(directory);
  const draft = draftOf(directory);
  try {
    const lineage = randomBytes(8).toString('hex');
    makeWritableFolder(draft);
    await fill(draft, options, backup, lineage);
    putInPlace(draft, directory);
    return { about: backup.about, lineage };
  } finally {
    rmSync(draft, { recursive: true, force: true });
    backup.close();
  }
}

/** Folders are called so. @throws TuttiError `TUTTI_OPTION_INVALID` */
function checkNames(nodes: readonly string[]): void {
  const known = new Set(nodes.map(nodeId));
  if (known.size === nodes.length && known.size > 0) return;
  throw new TuttiError('TUTTI_OPTION_INVALID', {
    option: 'nodes',
    value: nodes,
    expected: 'the name of at least one node, each once',
  });
}

/**
 * The folder, or what a link that stands for it leads to. It is put in the place of an empty one as a whole, which no
 * mount lets happen to itself.
 * @throws TuttiError `TUTTI_RESTORE_NOT_EMPTY`, `TUTTI_FOLDER_UNWRITABLE`
 */
function replaceable(folder: string): string {
  if (!existsSync(folder)) return folder;
  const directory = realpathSync(folder);
  if (readdirSync(directory).length > 0) throw new TuttiError('TUTTI_RESTORE_NOT_EMPTY', { directory });
  if (statSync(directory).dev !== statSync(dirname(directory)).dev) throw isMount(directory);
  return directory;
}

function isMount(folder: string, cause?: unknown): TuttiError {
  const problem =
    'something is mounted there, so that nothing can be put in its place: name a folder inside of it';
  return new TuttiError('TUTTI_FOLDER_UNWRITABLE', { folder, problem }, { cause });
}

/** No two are called the same: in containers over one volume, processes have the same numbers. */
const draftOf = (directory: string): string =>
  `${directory}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;

async function fill(
  draft: string,
  options: RestoreOptions,
  backup: BackupFile,
  lineage: string,
): Promise<void> {
  try {
    // First: while it is there, all that was made after it is.
    Roster.found(draft, options.nodes, lineage).save();
    for (const name of options.nodes) await makeNode(join(draft, name), name, options, backup, lineage);
  } catch (thrown) {
    refuseIfTaken(draft, thrown);
    throw thrown;
  }
  refuseIfTaken(draft);
}

/** Whoever clears a draft away takes all of it at once; what is under its name after that is not all. */
function refuseIfTaken(draft: string, cause?: unknown): void {
  if (existsSync(join(draft, ROSTER_FILE))) return;
  const problem = 'another restore to the same place has taken it away, and nothing was restored by this one';
  throw new TuttiError('TUTTI_FOLDER_UNWRITABLE', { folder: draft, problem }, { cause });
}

/**
 * What was left by others that restored to this place. One of them may still be at work on another machine: a draft gets
 * another name first, so that it is gone as a whole for whoever is at work on it, and is never taken for one that is
 * complete.
 */
function clearDrafts(directory: string): void {
  for (const draft of leftDrafts(directory)) clear(draft, draftOf(directory));
}

function clear(draft: string, aside: string): void {
  try {
    renameSync(draft, aside);
  } catch (thrown) {
    // Put in place or cleared by somebody else since it was seen.
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw thrown;
  }
  rmSync(aside, { recursive: true, force: true });
}

function putInPlace(draft: string, directory: string): void {
  try {
    if (existsSync(directory)) rmdirSync(directory);
    renameSync(draft, directory);
  } catch (thrown) {
    refuseIfTaken(draft, thrown);
    const { code = '' } = thrown as NodeJS.ErrnoException;
    if (code === 'EBUSY') throw isMount(directory, thrown);
    // Somebody else was faster.
    if (!['ENOTEMPTY', 'EEXIST'].includes(code)) throw thrown;
    throw new TuttiError('TUTTI_RESTORE_NOT_EMPTY', { directory }, { cause: thrown });
  }
  flush(dirname(directory));
}

async function makeNode(
  directory: string,
  name: string,
  { cluster, nodes }: RestoreOptions,
  { about, contents }: BackupFile,
  lineage: string,
): Promise<void> {
  // Not `recursive`: where the draft has been taken away, it is not to be made anew.
  for (const folder of [directory, logFolderOf(directory)]) mkdirSync(folder, 0o700);
  writeIdentity(directory, {
    format: 1,
    clusterId: clusterId(cluster),
    lineage,
    nodeId: nodeId(name),
    // Its first life comes after all that the state knows of.
    incarnation: Math.max(1, Number(about.note?.['incarnation'] ?? 1)),
    ...generateKeyPair(),
    logBegun: true,
  });
  await seed(logFolderOf(directory), cluster, name, nodes, contents);
}

async function seed(
  directory: string,
  cluster: string,
  name: string,
  voters: readonly string[],
  contents: StoredSnapshot,
): Promise<void> {
  const store = createFileLogStore({ directory, clusterId: clusterId(cluster), nodeId: nodeId(name) });
  const done = Promise.withResolvers<void>();
  const end = (failure: Error | undefined) => (failure ? done.reject(failure) : done.resolve());
  store.open((failure) =>
    failure ? end(failure) : seedStore(store, contents, { voters: voters.map(nodeId), learners: [] }, end),
  );
  try {
    await done.promise;
  } finally {
    await new Promise((closed) => store.close(closed));
  }
}

/** A new name is lost with the unwritten pages of the directory that it stands in. */
function flush(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
