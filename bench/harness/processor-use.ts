import { readdirSync, readFileSync } from 'node:fs';

/** What threads had of the processors, in microseconds. */
export interface ProcessorUse {
  /** They ran. */
  readonly usedUs: number;
  /** They could have run, and others did. */
  readonly waitedUs: number;
}

/**
 * What processes have had of the processors since they began, whatever they are written in: the kernel's own count of
 * each of their threads. Undefined where the kernel is not Linux, or does not count.
 */
export function processorUse(pids: readonly number[]): ProcessorUse | undefined {
  try {
    const threads = pids.flatMap((pid) =>
      readdirSync(`/proc/${pid}/task`).map((thread) => threadUse(`/proc/${pid}/task/${thread}`)),
    );
    const sum = (of: keyof ProcessorUse) => threads.reduce((total, thread) => total + thread[of], 0);
    return { usedUs: sum('usedUs'), waitedUs: sum('waitedUs') };
  } catch {
    return undefined;
  }
}

/** Two numbers of nanoseconds and one of turns. */
function threadUse(path: string): ProcessorUse {
  const [ran, waited] = readFileSync(`${path}/schedstat`, 'utf8').split(' ').map(Number);
  return { usedUs: ran! / 1_000, waitedUs: waited! / 1_000 };
}
