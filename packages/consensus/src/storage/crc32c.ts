/** Eight tables of 256 words each, for the Castagnoli polynomial in reversed bit order (RFC 3720, appendix B.4). */
function makeTables(): Uint32Array {
  const tables = new Uint32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let word = byte;
    for (let bit = 0; bit < 8; bit++) word = word & 1 ? (word >>> 1) ^ 0x82f63b78 : word >>> 1;
    tables[byte] = word;
  }
  for (let byte = 0; byte < 256; byte++) {
    let word = tables[byte]!;
    for (let slice = 1; slice < 8; slice++) {
      word = tables[word & 0xff]! ^ (word >>> 8);
      tables[slice * 256 + byte] = word;
    }
  }
  return tables;
}

const TABLES = makeTables();

/**
 * CRC-32C of `bytes` from `from` to `to`, going on from `seed`: the checksum of a concatenation is computed piece by
 * piece. Eight bytes per step (slicing-by-8, Kounavis and Berry 2005).
 */
export function crc32c(bytes: Uint8Array, seed = 0, from = 0, to = bytes.length): number {
  let crc = ~seed;
  let at = from;
  const whole = to - 8;
  while (at <= whole) {
    const low = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    crc =
      TABLES[1792 + (low & 0xff)]! ^
      TABLES[1536 + ((low >>> 8) & 0xff)]! ^
      TABLES[1280 + ((low >>> 16) & 0xff)]! ^
      TABLES[1024 + (low >>> 24)]! ^
      TABLES[768 + bytes[at + 4]!]! ^
      TABLES[512 + bytes[at + 5]!]! ^
      TABLES[256 + bytes[at + 6]!]! ^
      TABLES[bytes[at + 7]!]!;
    at += 8;
  }
  while (at < to) crc = TABLES[(crc ^ bytes[at++]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
