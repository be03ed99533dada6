import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { makeWritableFolder } from './writable-folder.ts';

it.each([
  ['ENOSPC', 'TUTTI_STORE_FULL'],
  ['EROFS', 'TUTTI_FOLDER_UNWRITABLE'],
])('a folder that cannot be made for %s is told as %s', (refusal, code) => {
  const directory = mkdtempSync(join(tmpdir(), 'tutti-writable-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const refuse = (): never => {
    throw Object.assign(new Error(refusal), { code: refusal });
  };
  expect(() => makeWritableFolder(join(directory, 'n1'), refuse)).toThrow(expect.objectContaining({ code }));
  // What is there already needs nothing.
  expect(makeWritableFolder(directory, refuse)).toBe(directory);
});
