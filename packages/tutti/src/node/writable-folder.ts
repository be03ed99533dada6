import { accessSync, constants, existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { isFull, makeDirectory } from '@tutti/consensus/file';
import { messageOf, TuttiError } from '@tutti/kernel';

/**
 * Makes a folder, or finds out that it cannot be written to, before anything is started for its sake.
 * @param make How; by default for whoever the system lets.
 * @throws TuttiError `TUTTI_FOLDER_UNWRITABLE`, `TUTTI_STORE_FULL`
 */
export function makeWritableFolder(path: string, make: (folder: string) => void = makeDirectory): string {
  const folder = resolve(path);
  try {
    if (!existsSync(folder)) make(folder);
    accessSync(folder, constants.W_OK | constants.X_OK);
    return folder;
  } catch (thrown) {
    if (isFull(thrown as Error))
      throw new TuttiError('TUTTI_STORE_FULL', { directory: folder }, { cause: thrown });
    throw new TuttiError(
      'TUTTI_FOLDER_UNWRITABLE',
      { folder, problem: messageOf(thrown) },
      { cause: thrown },
    );
  }
}
