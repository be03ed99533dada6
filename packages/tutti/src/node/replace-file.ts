import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isFull } from '@tutti/consensus/file';
import { TuttiError } from '@tutti/kernel';
import { leftDrafts } from './left-drafts.ts';

/**
 * Puts a file in place whole or not at all: written beside, flushed, renamed over, and the folder flushed, so that
 * neither a crash nor a second reader ever sees half of it. What a process that was killed has left beside it is removed.
 * @throws TuttiError `TUTTI_STORE_FULL`
 */
export function replaceFile(path: string, contents: string, mode = 0o644): void {
  for (const draft of leftDrafts(path)) rmSync(draft, { force: true });
  const beside = `${path}.${process.pid}.tmp`;
  try {
    const file = openSync(beside, 'w', mode);
    try {
      writeFileSync(file, contents);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(beside, path);
  } catch (thrown) {
    rmSync(beside, { force: true });
    if (!isFull(thrown as Error)) throw thrown;
    throw new TuttiError('TUTTI_STORE_FULL', { directory: dirname(path) }, { cause: thrown });
  }
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
