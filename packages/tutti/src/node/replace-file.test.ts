import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { replaceFile } from './replace-file.ts';

// A draft that stands there is a device without space, and has to stay.
vi.mock('./left-drafts.ts', () => ({ leftDrafts: () => [] }));

test('a file that finds no space is told by its code, and the one before stays', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tutti-replace-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'identity.json');
  writeFileSync(path, 'before');
  symlinkSync('/dev/full', `${path}.${process.pid}.tmp`);
  expect(() => replaceFile(path, 'after')).toThrow(
    expect.objectContaining({ code: 'TUTTI_STORE_FULL', details: { directory } }),
  );
  expect(readFileSync(path, 'utf8')).toBe('before');
  expect(readdirSync(directory)).toEqual(['identity.json']);
});
