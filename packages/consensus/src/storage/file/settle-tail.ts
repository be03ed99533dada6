import { type DiskCalls, withFile, writeWhole } from './disk-calls.ts';
import { FLUSH_MARK_AT, FLUSH_MARK_BYTES, flushMark, flushMarkIn } from './flush-mark.ts';
import { syncDirectory } from './meta-file.ts';

/**
 * Makes durable what was found when the log was opened. The process before may have ended between writing a batch and
 * flushing it: then the batch is read from the page cache, and the power may still take it. Nor does flushing again
 * help where a flush has failed, since the pages count as clean from then on (Rebello et al., ATC 2020): the bytes are
 * written once more. Only the last segment can be concerned, since a batch is written when the one before is on disk;
 * and the directory, since a new name may be as young.
 *
 * From then on nothing that was found is what a crash left of a write, and that is noted. A note that cannot be read is
 * taken away first: the write that comes next may be torn.
 *
 * It is noted in the segment before as well, which says then that the log goes on after it: of a last file that is lost
 * nothing else would tell.
 *
 * @param end Where the last record found ends in the last of the segments.
 * @param batch The number of its batch.
 */
export function settleTail(
  disk: DiskCalls,
  directory: string,
  segments: readonly { readonly path: string; readonly sequence: number }[],
  end: number,
  batch: number,
): void {
  syncDirectory(disk, directory);
  const [last, before] = segments.toReversed();
  if (!last) return;
  const bytes = disk.readFileSync(last.path).subarray(0, end);
  if (flushMarkIn(bytes, last.sequence) === undefined)
    bytes.fill(0, FLUSH_MARK_AT, FLUSH_MARK_AT + FLUSH_MARK_BYTES);
  withFile(disk, last.path, 'r+', (handle) => {
    writeWhole(disk, handle, bytes, 0);
    disk.fsyncSync(handle);
    writeWhole(disk, handle, flushMark(last.sequence, batch), FLUSH_MARK_AT);
  });
  if (!before) return;
  withFile(disk, before.path, 'r+', (handle) => {
    writeWhole(disk, handle, flushMark(before.sequence, batch), FLUSH_MARK_AT);
    disk.fsyncSync(handle);
  });
}
