import { join } from 'node:path';
import { type ClusterId, type NodeId, TuttiError } from '@tutti/kernel';
import { type DiskCalls, writeWhole } from './disk-calls.ts';

const META = 'meta.json';
/** The layout of the directory; the files in it carry versions of their own. */
const META_VERSION = 1;

interface Meta {
  readonly version: number;
  readonly clusterId: string;
  readonly nodeId: string;
}

/** Makes a file's name durable: a rename or a new file is lost with the directory's unwritten pages. */
export function syncDirectory(disk: DiskCalls, directory: string): void {
  const handle = disk.openSync(directory, 'r');
  try {
    disk.fsyncSync(handle);
  } finally {
    disk.closeSync(handle);
  }
}

/** Writes a small file so that either all of it is there after a crash, or none. */
export function writeDurably(disk: DiskCalls, directory: string, name: string, contents: string): void {
  const draft = join(directory, `${name}.tmp`);
  const handle = disk.openSync(draft, 'w');
  try {
    const bytes = Buffer.from(contents);
    writeWhole(disk, handle, bytes, 0);
    disk.fsyncSync(handle);
  } finally {
    disk.closeSync(handle);
  }
  disk.renameSync(draft, join(directory, name));
  syncDirectory(disk, directory);
}

function parse(disk: DiskCalls, file: string): Meta {
  let found: unknown;
  try {
    found = JSON.parse(disk.readFileSync(file).toString('utf8'));
  } catch {
    // Reported below, like JSON that says something else.
  }
  const meta = Object(found) as Partial<Meta>;
  if (typeof meta.version === 'number') return meta as Meta;
  throw new TuttiError('TUTTI_STORE_CORRUPT', {
    file,
    offset: 0,
    problem: 'it does not say whose log this is',
  });
}

/** It is written before anything else, so a log or snapshot without it has lost its name: it may be anybody's. */
function refuseNameless(disk: DiskCalls, directory: string, file: string): void {
  const other = disk.readdirSync(directory).find((name) => name.endsWith('.log') || name.endsWith('.snap'));
  if (other === undefined) return;
  const problem = `it is missing, though ${other} is there`;
  throw new TuttiError('TUTTI_STORE_CORRUPT', { file, offset: 0, problem });
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
  const file = join(directory, META);
  if (!disk.existsSync(file)) {
    refuseNameless(disk, directory, file);
    const meta: Meta = { version: META_VERSION, clusterId, nodeId };
    return writeDurably(disk, directory, META, `${JSON.stringify(meta, undefined, 2)}\n`);
  }
  const found = parse(disk, file);
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
