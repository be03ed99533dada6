import { TuttiError } from '@tutti/kernel';
import { crc32c } from '../crc32c.ts';

/**
 * The first bytes of a file of the store. They are laid out alike in every format, so that a version can be believed
 * before anything else is known of the file: without the checksum, a bit that has turned in the version would pass for
 * a newer format, and a node would stop where it can be repaired.
 *
 *   0 eight letters, what the file is | 8 format version u32 | 12 CRC-32C of these twelve bytes u32
 */
export interface FileMark {
  /** Eight letters. */
  readonly letters: string;
  readonly version: number;
}

export const FILE_MARK_BYTES = 16;
const CHECKED_BYTES = 12;

export function writeFileMark(into: Buffer, { letters, version }: FileMark): void {
  into.write(letters, 'latin1');
  into.writeUInt32LE(version, 8);
  into.writeUInt32LE(crc32c(into, 0, 0, CHECKED_BYTES), CHECKED_BYTES);
}

/**
 * Whether `bytes` begin with this mark; false for damage, and for an older format.
 * @throws TuttiError `TUTTI_STORE_NEWER_VERSION`
 */
export function hasFileMark(bytes: Buffer, { letters, version }: FileMark, file: string): boolean {
  if (bytes.length < FILE_MARK_BYTES || bytes.toString('latin1', 0, 8) !== letters) return false;
  if (crc32c(bytes, 0, 0, CHECKED_BYTES) !== bytes.readUInt32LE(CHECKED_BYTES)) return false;
  const found = bytes.readUInt32LE(8);
  if (found > version) throw new TuttiError('TUTTI_STORE_NEWER_VERSION', { file, found, supported: version });
  return found === version;
}
