import { TuttiError } from '@tutti/kernel';

/** How deep arrays and maps may nest on the wire. */
export const NESTING_MAX = 128;

/** Extension types that may pass: 0 is how `undefined` is written, 255 (-1) is the standard's timestamp. */
const UNDEFINED = 0;
const TIMESTAMP = 255;

/** Texts of up to this many bytes are looked for among those that were read lately. */
const KNOWN_BYTES_MAX = 64;
/** How many of those are kept: a quarter of a megabyte of text at most. */
const KNOWN_TEXTS = 4_096;
/** An array is made as long as it says only up to here; a longer one grows with what is there. */
const RESERVED_ITEMS_MAX = 64;

const NOTHING = Buffer.alloc(0);
const MS_PER_S = 1_000;
const NS_PER_MS = 1_000_000;

function invalid(problem: string): TuttiError {
  return new TuttiError('TUTTI_CODEC_INVALID', { problem });
}

/**
 * Reads MessagePack that a peer may have made to do harm. It believes no length that is not covered by bytes that are
 * there, reserves nothing for what has not come, bounds the nesting, and knows two extensions: no regular expression,
 * error or record is ever built from a message.
 *
 * What most messages repeat, names of fields, types of events and addresses, is compared with what was read lately and
 * given as the same text again: it need not be made, and whoever looks it up in a map need not hash it.
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 */
export class MessagePackReader {
  readonly #known = new Array<string>(KNOWN_TEXTS).fill('');
  readonly #number = new DataView(new ArrayBuffer(8));
  #bytes: Buffer = NOTHING;
  #at = 0;
  #end = 0;

  /**
   * The value that a part of `bytes` holds; nothing of it shares memory with them.
   * @throws TuttiError `TUTTI_CODEC_INVALID`
   */
  read(bytes: Uint8Array, start: number, end: number): unknown {
    this.#bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#end = end;
    try {
      const value = this.#value(0);
      if (this.#at !== end) throw invalid(`${end - this.#at} bytes follow the value`);
      return value;
    } finally {
      this.#bytes = NOTHING;
    }
  }

  #value(depth: number): unknown {
    if (this.#at >= this.#end) throw invalid('it ends within a value');
    const head = this.#bytes[this.#at++]!;
    if (head < 0x80) return head;
    if (head < 0x90) return this.#map(head & 0x0f, depth);
    if (head < 0xa0) return this.#array(head & 0x0f, depth);
    if (head < 0xc0) return this.#text(head & 0x1f);
    if (head >= 0xe0) return head - 0x100;
    return this.#byHead(head, depth);
  }

  #byHead(head: number, depth: number): unknown {
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#binary(this.#uint(1));
      case 0xc5:
        return this.#binary(this.#uint(2));
      case 0xc6:
        return this.#binary(this.#uint(4));
      case 0xc7:
        return this.#extension(this.#uint(1));
      case 0xca:
        return this.#load(4).getFloat32(0);
      case 0xcb:
        return this.#load(8).getFloat64(0);
      case 0xcc:
        return this.#uint(1);
      case 0xcd:
        return this.#uint(2);
      case 0xce:
        return this.#uint(4);
      case 0xcf:
        return this.#load(8).getBigUint64(0);
      case 0xd0:
        return this.#load(1).getInt8(0);
      case 0xd1:
        return this.#load(2).getInt16(0);
      case 0xd2:
        return this.#load(4).getInt32(0);
      case 0xd3:
        return this.#load(8).getBigInt64(0);
      case 0xd4:
      case 0xd6:
      case 0xd7:
        return this.#extension(1 << (head - 0xd4));
      case 0xd9:
        return this.#text(this.#uint(1));
      case 0xda:
        return this.#text(this.#uint(2));
      case 0xdb:
        return this.#text(this.#uint(4));
      case 0xdc:
        return this.#array(this.#uint(2), depth);
      case 0xdd:
        return this.#array(this.#uint(4), depth);
      case 0xde:
        return this.#map(this.#uint(2), depth);
      case 0xdf:
        return this.#map(this.#uint(4), depth);
      default:
        throw invalid(`a value cannot begin with byte ${head}`);
    }
  }

  /** Goes past so many bytes, and says where they begin. */
  #take(count: number): number {
    const start = this.#at;
    if (count > this.#end - start) throw invalid('a length goes beyond the end');
    this.#at = start + count;
    return start;
  }

  #uint(width: number): number {
    const start = this.#take(width);
    let value = 0;
    for (let i = start; i < start + width; i++) value = value * 256 + this.#bytes[i]!;
    return value;
  }

  /** Lays so many bytes where a number can be read from them. */
  #load(width: number): DataView {
    const start = this.#take(width);
    for (let i = 0; i < width; i++) this.#number.setUint8(i, this.#bytes[start + i]!);
    return this.#number;
  }

  #text(length: number): string {
    const start = this.#take(length);
    if (length > KNOWN_BYTES_MAX) return this.#bytes.toString('utf8', start, this.#at);
    if (length === 0) return '';
    const slot = this.#slotOf(start, length);
    const known = this.#known[slot]!;
    if (known.length === length && this.#isAt(start, known)) return known;
    return (this.#known[slot] = this.#bytes.toString('utf8', start, this.#at));
  }

  /** Where a text would be kept. Most texts that differ, such as ids, differ at the end. */
  #slotOf(start: number, length: number): number {
    const bytes = this.#bytes;
    let hash = length;
    for (let i = Math.max(start, start + length - 6); i < start + length; i++)
      hash = Math.imul(hash, 31) + bytes[i]!;
    return (hash ^ bytes[start + (length >> 1)]!) & (KNOWN_TEXTS - 1);
  }

  /** Whether a text is written there. One byte can only be the character of its own number when that is ASCII. */
  #isAt(start: number, text: string): boolean {
    const bytes = this.#bytes;
    for (let i = 0; i < text.length; i++) {
      const byte = bytes[start + i]!;
      if (byte >= 0x80 || text.charCodeAt(i) !== byte) return false;
    }
    return true;
  }

  #binary(length: number): Uint8Array {
    const start = this.#take(length);
    return new Uint8Array(this.#bytes.subarray(start, this.#at));
  }

  #enter(items: number, depth: number): void {
    if (items > this.#end - this.#at) throw invalid('it declares more items than it has bytes');
    if (depth >= NESTING_MAX) throw invalid(`it nests deeper than ${NESTING_MAX}`);
  }

  #array(count: number, depth: number): unknown[] {
    this.#enter(count, depth);
    const items: unknown[] = count <= RESERVED_ITEMS_MAX ? new Array<unknown>(count) : [];
    for (let i = 0; i < count; i++) items[i] = this.#value(depth + 1);
    return items;
  }

  #map(count: number, depth: number): Record<string, unknown> {
    this.#enter(2 * count, depth);
    const map: Record<string, unknown> = {};
    for (let i = 0; i < count; i++) {
      const key = this.#key(depth + 1);
      // Set as a property it would change what the object inherits.
      map[key === '__proto__' ? '__proto_' : key] = this.#value(depth + 1);
    }
    return map;
  }

  #key(depth: number): string {
    const key = this.#value(depth);
    if (typeof key === 'string') return key;
    if (typeof key === 'object' && key !== null) throw invalid('the name of a field is an object');
    return String(key);
  }

  /** A timestamp has 4, 8 or 12 bytes, and `undefined` has one. */
  #extension(length: number): Date | undefined {
    const type = this.#uint(1);
    if (type === UNDEFINED && length === 1) return void this.#take(1);
    if (type === TIMESTAMP && length === 4) return new Date(this.#uint(4) * MS_PER_S);
    if (type === TIMESTAMP && length === 8) {
      const [high, low] = [this.#uint(4), this.#uint(4)];
      // 30 bits of nanoseconds, 34 bits of seconds.
      return dateOf((high & 3) * 2 ** 32 + low, high >>> 2);
    }
    if (type === TIMESTAMP && length === 12) {
      const nanoseconds = this.#uint(4);
      return dateOf(Number(this.#load(8).getBigInt64(0)), nanoseconds);
    }
    throw invalid(`the extension type ${type} with ${length} bytes is not in use`);
  }
}

const dateOf = (seconds: number, nanoseconds: number) =>
  new Date(seconds * MS_PER_S + nanoseconds / NS_PER_MS);
