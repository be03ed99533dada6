import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';

/**
 * Holds a small file to its checksum: with any of its bits turned it is refused by `code` or says what it said, and
 * without the checksum, as earlier versions wrote it, it says that too.
 */
export function holdToChecksum(path: string, code: string, read: () => unknown): void {
  const known = read();
  const text = readFileSync(path);
  const readAs = (contents: Uint8Array | string): unknown => {
    writeFileSync(path, contents);
    try {
      return read();
    } catch (thrown) {
      return (thrown as { code?: string }).code;
    }
  };
  let refused = 0;
  for (let bit = 0; bit < 8 * text.length; bit++) {
    const turned = Buffer.from(text);
    turned[bit >> 3]! ^= 1 << (bit & 7);
    const found = readAs(turned);
    if (found === code) refused++;
    else expect(found, `bit ${bit}`).toEqual(known);
  }
  // All but those that made the checksum none: then the rest is what it was.
  expect(refused).toBeGreaterThan(7 * text.length);
  const { checksum: _checksum, ...said } = JSON.parse(text.toString()) as { checksum: number };
  expect(readAs(JSON.stringify(said))).toEqual(known);
}
