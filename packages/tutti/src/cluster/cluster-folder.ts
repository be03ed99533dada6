import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { isTuttiError, TuttiError } from '@tutti/kernel';
import { readIdentity } from '../node/identity.ts';
import { isNodeName, ROSTER_FILE } from './roster.ts';

/**
 * The absolute path of a folder for a cluster. One that belongs to a node, or is inside of such a one, is none: a cluster
 * there would look like the node's own, and go with it when the node is removed. Nothing is made.
 * @throws TuttiError `TUTTI_FOLDER_OF_NODE`
 */
export function clusterFolder(path: string): string {
  const directory = resolve(path);
  for (let at = directory; ; at = dirname(at)) {
    if (belongsToNode(at)) throw new TuttiError('TUTTI_FOLDER_OF_NODE', { directory, owner: at });
    if (dirname(at) === at) return directory;
  }
}

/** It has an identity; or a cluster would put a node of this name there. */
function belongsToNode(folder: string): boolean {
  if (isNodeName(basename(folder)) && existsSync(join(dirname(folder), ROSTER_FILE))) return true;
  try {
    return readIdentity(folder) !== undefined;
  } catch (thrown) {
    // Some other program's file of that name, or a folder that may not be looked into, says nothing of nodes.
    if (isTuttiError(thrown, 'TUTTI_IDENTITY_INVALID') || isOfSystem(thrown)) return false;
    throw thrown;
  }
}

function isOfSystem(thrown: unknown): boolean {
  return typeof (thrown as NodeJS.ErrnoException).syscall === 'string';
}
