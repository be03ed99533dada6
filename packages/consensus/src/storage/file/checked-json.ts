import { crc32c } from '../crc32c.ts';

/** What a small file says, and whether that is what was written: `unknown` for one that was written without a checksum. */
export interface CheckedJson {
  readonly said: unknown;
  readonly isWhole: boolean | 'unknown';
}

/** A small file's text, with a checksum of what it says, over the text that a parser and `JSON.stringify` make of it. */
export const checkedJson = (said: object): string =>
  `${JSON.stringify({ ...said, checksum: checksumOf(said) }, undefined, 2)}\n`;

/** @throws SyntaxError where it is no JSON */
export function parseCheckedJson(text: string): CheckedJson {
  const found: unknown = JSON.parse(text);
  if (typeof found !== 'object' || found === null || !('checksum' in found))
    return { said: found, isWhole: 'unknown' };
  const { checksum, ...said } = found;
  return { said, isWhole: checksumOf(said) === checksum };
}

const checksumOf = (said: object): number => crc32c(Buffer.from(JSON.stringify(said)));
