import { type DiskCalls, writeWhole } from './disk-calls.ts';
import { syncDirectory } from './meta-file.ts';

/**
 * Makes durable what was found when the log was opened. The process before may have ended between writing a batch and
 * flushing it: then the batch is read from the page cache, and the power may still take it. Nor does flushing again
 * help where a flush has failed, since the pages count as clean from then on (Rebello et al., ATC 2020): the bytes are
 * written once more. Only the last segment can be concerned, since a batch is written when the one before is on disk;
 * and the directory, since a new name may be as young.
 *
 * @param end Where the last record found ends in that segment.
 */
export function settleTail(
  disk: DiskCalls,
  directory: string,
  last: { readonly path: string } | undefined,
  end: number,
): void {
  syncDirectory(disk, directory);
  if (!last) return;
  const bytes = disk.readFileSync(last.path).subarray(0, end);
  const handle = disk.openSync(last.path, 'r+');
  try {
    writeWhole(disk, handle, bytes, 0);
    disk.fsyncSync(handle);
  } finally {
    disk.closeSync(handle);
  }
}
