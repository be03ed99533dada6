import { join } from 'node:path';
import { type ClusterId, type NodeId, TuttiError } from '@tutti/kernel';
import { checkedJson, parseCheckedJson } from './checked-json.ts';
import { type DiskCalls, withFile, writeWhole } from './disk-calls.ts';

/**
 * Both say the same: what has rotted in one is put right from the other. Without either the log would be nobody's, and
 * its node could not be repaired, since it would not be known to be its own.
 */
const COPIES = ['meta.json', 'meta.copy.json'] as const;
/** The layout of the directory; the files in it carry versions of their own. */
const META_VERSION = 1;

interface Meta {
  readonly version: number;
  readonly clusterId: string;
  readonly nodeId: string;
}

/** Removes what a crash left of files that were being written. */
export function removeDrafts(disk: DiskCalls, directory: string): void {
  for (const name of disk.readdirSync(directory))
    if (name.endsWith('.tmp')) disk.rmSync(join(directory, name), { force: true });
}

/** Makes a file's name durable: a rename or a new file is lost with the directory's unwritten pages. */
export function syncDirectory(disk: DiskCalls, directory: string): void {
  withFile(disk, directory, 'r', (handle) => disk.fsyncSync(handle));
}

/** {@link syncDirectory} while the loop goes on. */
export function flushDirectory(
  disk: DiskCalls,
  directory: string,
  done: (failure: Error | null | undefined) => void,
): void {
  disk.open(directory, 'r', (failure, handle) => {
    if (failure) return done(failure);
    disk.fsync(handle, (problem) => disk.close(handle, (unclosed) => done(problem ?? unclosed)));
  });
}

/** Writes a small file so that either all of it is there after a crash, or none. */
export function writeDurably(disk: DiskCalls, directory: string, name: string, contents: string): void {
  const draft = join(directory, `${name}.tmp`);
  withFile(disk, draft, 'w', (handle) => {
    writeWhole(disk, handle, Buffer.from(contents), 0);
    disk.fsyncSync(handle);
  });
  disk.renameSync(draft, join(directory, name));
  syncDirectory(disk, directory);
}

/** What one of the copies says; undefined if it has rotted. A later version may say more than this one knows of. */
export function readMetaCopy(contents: Buffer): Meta | undefined {
  try {
    const { said, isWhole } = parseCheckedJson(contents.toString('utf8'));
    return isWhole === true ? (said as Meta) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether it is known whose directory this is: then it was made to last before that was written. */
export const isClaimed = (disk: DiskCalls, directory: string): boolean =>
  COPIES.some((name) => disk.existsSync(join(directory, name)));

/** They are written before anything else, so a log or snapshot without them has lost its name: it may be anybody's. */
function refuseNameless(disk: DiskCalls, directory: string): void {
  const names = disk.readdirSync(directory);
  const isKnown = (name: string) => COPIES.some((copy) => copy === name);
  const other = names.find((name) => isKnown(name) || name.endsWith('.log') || name.endsWith('.snap'));
  if (other === undefined) return;
  const problem = `neither it nor ${COPIES[1]} says whose directory this is, though ${other} is there`;
  throw new TuttiError('TUTTI_STORE_CORRUPT', { file: join(directory, COPIES[0]), offset: 0, problem });
}

/**
 * Checks whose directory this is; a fresh one becomes this node's.
 * @throws TuttiError `TUTTI_STORE_WRONG_CLUSTER`, `TUTTI_STORE_WRONG_NODE`, `TUTTI_STORE_NEWER_VERSION`,
 * `TUTTI_STORE_CORRUPT`
 */
export function claimDirectory(
  disk: DiskCalls,
  directory: string,
  clusterId: ClusterId,
  nodeId: NodeId,
): void {
  const copies = COPIES.map((name) => {
    const file = join(directory, name);
    return { name, file, said: disk.existsSync(file) ? readMetaCopy(disk.readFileSync(file)) : undefined };
  });
  for (const { file, said } of copies) if (said) refuseOthers(said, { directory, file, clusterId, nodeId });
  if (copies.every(({ said }) => !said)) refuseNameless(disk, directory);
  const meta: Meta = { version: META_VERSION, clusterId, nodeId };
  const text = checkedJson(meta);
  for (const { name, said } of copies) if (!said) writeDurably(disk, directory, name, text);
}

function refuseOthers(
  found: Meta,
  owner: { directory: string; file: string; clusterId: ClusterId; nodeId: NodeId },
): void {
  const { directory, file, clusterId, nodeId } = owner;
  if (found.version > META_VERSION)
    throw new TuttiError('TUTTI_STORE_NEWER_VERSION', {
      file,
      found: found.version,
      supported: META_VERSION,
    });
  if (found.clusterId !== clusterId)
    throw new TuttiError('TUTTI_STORE_WRONG_CLUSTER', {
      directory,
      found: found.clusterId,
      expected: clusterId,
    });
  if (found.nodeId !== nodeId)
    throw new TuttiError('TUTTI_STORE_WRONG_NODE', { directory, found: found.nodeId, expected: nodeId });
}
