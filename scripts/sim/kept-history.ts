import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Writes down what the clients of a failing run saw: as a page to look at, and its operations as JSON.
 * @returns the page
 */
export function keepHistory(seed: number, page: string, operations: readonly object[] = []): string {
  const directory = mkdtempSync(join(tmpdir(), 'tutti-history-'));
  const file = join(directory, `seed-${seed}.html`);
  writeFileSync(file, page);
  if (operations.length > 0)
    writeFileSync(join(directory, `seed-${seed}.json`), `${JSON.stringify(operations, undefined, 2)}\n`);
  return file;
}
