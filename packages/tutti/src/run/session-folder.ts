import { join } from 'node:path';
import { makeWritableFolder } from '../node/writable-folder.ts';

/**
 * Makes the folder of a session.
 * @throws TuttiError `TUTTI_FOLDER_UNWRITABLE`
 */
export function makeSessionFolder(outDirectory: string, session: string): string {
  return makeWritableFolder(join(outDirectory, session));
}
