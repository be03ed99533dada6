import { NESTING_MAX } from '@tutti/kernel';

/** Extension types that may pass: 0 is how `undefined` is written, 255 (-1) is the standard's timestamp. */
const UNDEFINED = 0;
const TIMESTAMP = 255;

/**
 * Walks MessagePack without decoding it and says what is wrong with it, or undefined when nothing is.
 *
 * The decoder trusts declared lengths: an array header of five bytes makes it reserve a quarter of a gigabyte. It
 * also builds regular expressions, errors and records from extensions. A peer may lie, so this runs first: every
 * length must be covered by bytes that are there, nesting is bounded, and only two extensions pass. The walk costs
 * a tenth of the decoding.
 */
export function messagePackProblem(bytes: Uint8Array, start: number, end: number): string | undefined {
  const walk: Walk = { bytes, at: start, end, problem: undefined };
  skipValue(walk, 0);
  if (walk.problem !== undefined) return walk.problem;
  return walk.at === end ? undefined : `${end - walk.at} bytes follow the value`;
}

interface Walk {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
  problem: string | undefined;
}

function skipValue(walk: Walk, depth: number): void {
  if (walk.at >= walk.end) return fail(walk, 'it ends within a value');
  const head = walk.bytes[walk.at++]!;
  if (head < 0x80 || head >= 0xe0) return;
  if (head < 0x90) return skipItems(walk, 2 * (head & 0x0f), depth);
  if (head < 0xa0) return skipItems(walk, head & 0x0f, depth);
  if (head < 0xc0) return skipBytes(walk, head & 0x1f);
  skipByHead(walk, head, depth);
}

function skipByHead(walk: Walk, head: number, depth: number): void {
  switch (head) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return;
    case 0xc4:
    case 0xd9:
      return skipBytes(walk, lengthOf(walk, 1));
    case 0xc5:
    case 0xda:
      return skipBytes(walk, lengthOf(walk, 2));
    case 0xc6:
    case 0xdb:
      return skipBytes(walk, lengthOf(walk, 4));
    case 0xc7:
      return skipExtension(walk, lengthOf(walk, 1));
    case 0xca:
    case 0xd2:
    case 0xce:
      return skipBytes(walk, 4);
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return skipBytes(walk, 8);
    case 0xcc:
    case 0xd0:
      return skipBytes(walk, 1);
    case 0xcd:
    case 0xd1:
      return skipBytes(walk, 2);
    case 0xd4:
    case 0xd6:
    case 0xd7:
      return skipExtension(walk, 1 << (head - 0xd4));
    case 0xdc:
      return skipItems(walk, lengthOf(walk, 2), depth);
    case 0xdd:
      return skipItems(walk, lengthOf(walk, 4), depth);
    case 0xde:
      return skipItems(walk, 2 * lengthOf(walk, 2), depth);
    case 0xdf:
      return skipItems(walk, 2 * lengthOf(walk, 4), depth);
    default:
      return fail(walk, `a value cannot begin with byte ${head}`);
  }
}

function fail(walk: Walk, problem: string): void {
  walk.problem ??= problem;
}

function lengthOf(walk: Walk, width: number): number {
  let length = 0;
  for (let i = 0; i < width; i++) length = length * 256 + (walk.bytes[walk.at + i] ?? 0);
  walk.at += width;
  return walk.at > walk.end ? Infinity : length;
}

function skipBytes(walk: Walk, count: number): void {
  if (walk.at + count > walk.end) return fail(walk, 'a length goes beyond the end');
  walk.at += count;
}

function skipItems(walk: Walk, count: number, depth: number): void {
  if (walk.at + count > walk.end) return fail(walk, 'it declares more items than it has bytes');
  if (depth >= NESTING_MAX) return fail(walk, `it nests deeper than ${NESTING_MAX}`);
  for (let i = 0; i < count && walk.problem === undefined; i++) skipValue(walk, depth + 1);
}

/** A timestamp has 4, 8 or 12 bytes, and `undefined` has one; the decoder reads them without looking. */
function skipExtension(walk: Walk, bytes: number): void {
  const type = walk.bytes[walk.at] ?? -1;
  const fits =
    type === UNDEFINED ? bytes === 1 : type === TIMESTAMP && (bytes === 4 || bytes === 8 || bytes === 12);
  if (!fits) return fail(walk, `the extension type ${type} with ${bytes} bytes is not in use`);
  skipBytes(walk, 1 + bytes);
}
