import { type DiskCalls, readWhole, withFile } from './disk-calls.ts';

/** What the disk gives or refuses as a whole. */
const BLOCK_BYTES = 4096;
/** Stands where the disk gives nothing: it is no record, no checksum of one, and not the zeros after the last. */
const UNREADABLE = 0xff;

const isUnreadable = (failure: unknown): boolean =>
  (failure as NodeJS.ErrnoException | null | undefined)?.code === 'EIO';

/**
 * A disk of which every byte can be read: in the place of blocks that it refuses stand others, which are found to be
 * damage like any that reads wrong and are repaired from peers as that is. What cannot be reached is no better or worse
 * than what has rotted (Alagappan et al., Protocol-Aware Recovery, FAST 2018). A read that meets such a block may bring
 * less than was asked for, as any may.
 */
export function readableDisk(disk: DiskCalls): DiskCalls {
  const readable: DiskCalls = {
    ...disk,
    read: (handle, into, offset, length, position, done) =>
      disk.read(handle, into, offset, length, position, (failure, count) => {
        if (!isUnreadable(failure)) return done(failure, count);
        const less = lessThan(length, position);
        if (less > 0) readable.read(handle, into, offset, less, position, done);
        else done(null, replaced(disk, handle, into.subarray(offset, offset + length), position));
      }),
    readSync: (handle, into, offset, length, position) => {
      try {
        return disk.readSync(handle, into, offset, length, position);
      } catch (thrown) {
        if (!isUnreadable(thrown)) throw thrown;
        const less = lessThan(length, position);
        if (less > 0) return readable.readSync(handle, into, offset, less, position);
        return replaced(disk, handle, into.subarray(offset, offset + length), position);
      }
    },
    readFileSync: (path) => {
      try {
        return disk.readFileSync(path);
      } catch (thrown) {
        if (!isUnreadable(thrown)) throw thrown;
      }
      return withFile(disk, path, 'r', (handle) => {
        const bytes = Buffer.alloc(disk.fstatSync(handle).size);
        return bytes.subarray(0, readWhole(readable, handle, bytes, 0));
      });
    },
  };
  return readable;
}

/** The nearer half of a read in whole blocks of the file; 0 for what is within one. */
function lessThan(length: number, position: number): number {
  const first = Math.floor(position / BLOCK_BYTES);
  const blocks = Math.ceil((position + length) / BLOCK_BYTES) - first;
  return blocks > 1 ? (first + Math.floor(blocks / 2)) * BLOCK_BYTES - position : 0;
}

function replaced(disk: DiskCalls, handle: number, block: Uint8Array, position: number): number {
  const count = Math.max(0, Math.min(block.length, disk.fstatSync(handle).size - position));
  block.fill(UNREADABLE, 0, count);
  return count;
}
