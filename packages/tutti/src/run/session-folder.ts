import { join } from 'node:path';
import { randomIds, seededRandom } from '@tutti/kernel';
import { makeWritableFolder } from '../node/writable-folder.ts';

/** An id that no other session has. */
export function newSessionId(): string {
  return randomIds(seededRandom(Date.now() + process.pid)).next('run');
}

/**
 * Makes the folder of a session.
 * @throws TuttiError `TUTTI_FOLDER_UNWRITABLE`
 */
export function makeSessionFolder(outDirectory: string, session: string): string {
  return makeWritableFolder(join(outDirectory, session));
}
