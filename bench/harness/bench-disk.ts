import { tmpdir } from 'node:os';

/** A folder on a real disk: `TUTTI_BENCH_DISK`, or the one for temporary files. A sample is given one of its own. */
export function benchDisk(): string {
  return process.env['TUTTI_BENCH_DISK'] ?? tmpdir();
}
