import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isRunning } from '../../packages/tutti/src/node/is-running.ts';
import { benchDisk } from './bench-disk.ts';

/** Whose it is stands in its name: the process id of the bench that made it. */
const NAME = /^tutti-bench-(\d+)-/;

/** A folder for the files of one sample, on the disk of the bench. */
export function makeSampleFolder(): string {
  return mkdtempSync(join(benchDisk(), `tutti-bench-${process.pid}-`));
}

/** Removes it with all that is in it. A folder of another name is left alone, whoever asks. */
export function removeSampleFolder(folder: string): void {
  if (!NAME.test(basename(folder))) return;
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

/** Removes what a bench that is gone has left behind, such as the logs of a run that was killed. */
export function sweepSampleFolders(): void {
  for (const name of readdirSync(benchDisk())) {
    const owner = NAME.exec(name)?.[1];
    if (owner !== undefined && !isRunning(Number(owner))) removeSampleFolder(join(benchDisk(), name));
  }
}
