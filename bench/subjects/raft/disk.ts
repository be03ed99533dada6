import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { benchDisk } from '../../harness/bench-disk.ts';
import type { Measurement, Sizes } from '../../harness/case.ts';

const ENTRY_BYTES = 256;
const PREALLOCATED_BYTES = 64 * 2 ** 20;

/** write + fdatasync into a file that has its length already, in batches of 1, 64 and 1024 entries. */
export async function flushes({ durationMs }: Sizes): Promise<Measurement> {
  const folder = mkdtempSync(join(benchDisk(), 'tutti-bench-disk-'));
  const file = openSync(join(folder, 'log'), 'w');
  try {
    writeSync(file, Buffer.alloc(PREALLOCATED_BYTES));
    fdatasyncSync(file);
    const figures: Record<string, number> = {};
    for (const entries of [1, 64, 1_024])
      figures[`disk-${entries}`] = entriesPerS(file, entries, durationMs!);
    return { figures, verified: 'every write returned its length and every fdatasync returned' };
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true, force: true });
  }
}

function entriesPerS(file: number, entries: number, durationMs: number): number {
  const batch = Buffer.alloc(entries * ENTRY_BYTES, 7);
  const start = performance.now();
  let batches = 0;
  let position = 0;
  let now = start;
  do {
    if (position + batch.length > PREALLOCATED_BYTES) position = 0;
    if (writeSync(file, batch, 0, batch.length, position) !== batch.length) throw new Error('a short write');
    fdatasyncSync(file);
    position += batch.length;
    batches++;
    now = performance.now();
  } while (now - start < durationMs);
  return (batches * entries * 1_000) / (now - start);
}
