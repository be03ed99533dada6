import { dirname } from 'node:path';
import { type DiskCalls, nodeDisk } from './disk-calls.ts';
import { syncDirectory } from './meta-file.ts';

/** Why a folder that others made cannot be flushed: nobody may open it, or its file system does not know of that. */
const NOT_TO_BE_FLUSHED = ['EACCES', 'EPERM', 'EINVAL', 'EROFS'];

/**
 * Makes a folder with all that it is in, so that it outlasts the power: its name stands in the folder above, and is lost
 * with that one's unwritten pages, however well the files in it were flushed. What is there already is flushed as well,
 * since whoever made it may have been killed before it came to that.
 * @param mode Of the folder itself. Default what the system gives new ones.
 * @throws what the system says where a folder cannot be made, or not be flushed
 */
export function makeDirectory(directory: string, disk: DiskCalls = nodeDisk(), mode?: number): void {
  const missing: string[] = [];
  let there = directory;
  for (; !disk.existsSync(there) && dirname(there) !== there; there = dirname(there)) missing.unshift(there);
  try {
    syncDirectory(disk, dirname(there));
  } catch (thrown) {
    if (!hasCode(thrown, NOT_TO_BE_FLUSHED)) throw thrown;
  }
  for (const folder of missing) {
    try {
      // Not `recursive`: where a file system refuses folders, such as /proc, Node then tries again for ever.
      disk.mkdirSync(folder, folder === directory ? mode : undefined);
    } catch (thrown) {
      // Somebody else was faster.
      if (!hasCode(thrown, ['EEXIST'])) throw thrown;
    }
    syncDirectory(disk, dirname(folder));
  }
}

/** {@link makeDirectory}, for its owner alone. One that is there stays as it is. */
export const makePrivateDirectory = (directory: string, disk?: DiskCalls): void =>
  makeDirectory(directory, disk, 0o700);

const hasCode = (thrown: unknown, codes: readonly string[]): boolean =>
  codes.includes((thrown as NodeJS.ErrnoException).code ?? '');
