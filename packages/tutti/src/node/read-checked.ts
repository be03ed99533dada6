import { parseCheckedJson } from '@tutti/consensus/file';

/**
 * What a small file of JSON says, which may carry a checksum: those of earlier versions do not.
 * @throws Error where it is none, or not what was written
 */
export function readChecked(text: string): unknown {
  const { said, isWhole } = parseCheckedJson(text);
  if (isWhole !== false) return said;
  throw new Error(
    'it is not what was written, by its checksum; who has changed it and means it takes the line with the checksum out',
  );
}
