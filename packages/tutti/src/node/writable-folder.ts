import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { messageOf, TuttiError } from '@tutti/kernel';

/**
 * Makes a folder, or finds out that it cannot be written to, before anything is started for its sake.
 * @throws TuttiError `TUTTI_FOLDER_UNWRITABLE`
 */
export function makeWritableFolder(path: string): string {
  const folder = resolve(path);
  try {
    // Not `recursive`: where a file system refuses folders, such as /proc, Node then tries again for ever.
    for (const missing of missingFolders(folder)) mkdirSync(missing);
    accessSync(folder, constants.W_OK | constants.X_OK);
    return folder;
  } catch (thrown) {
    throw new TuttiError(
      'TUTTI_FOLDER_UNWRITABLE',
      { folder, problem: messageOf(thrown) },
      { cause: thrown },
    );
  }
}

/** The folders on the way to this one that are not there, the outermost first. */
function missingFolders(folder: string): string[] {
  const missing: string[] = [];
  for (let at = folder; !existsSync(at) && dirname(at) !== at; at = dirname(at)) missing.unshift(at);
  return missing;
}
