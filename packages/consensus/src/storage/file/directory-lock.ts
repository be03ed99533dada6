import { join } from 'node:path';
import { TuttiError } from '@tutti/kernel';
import { type DiskCalls, isFull, nodeDisk } from './disk-calls.ts';

const LOCK = 'lock';

/** Who holds a directory. A process id alone is not enough: after a restart another process may have it. */
interface Holder {
  readonly pid: number;
  /** When that process started, as the kernel counts it; empty where it cannot be known. */
  readonly startedAt: string;
  readonly bootId: string;
}

function read(disk: DiskCalls, path: string): string | undefined {
  try {
    return disk.readFileSync(path).toString('utf8');
  } catch {
    return undefined;
  }
}

/** Field 22 of /proc/PID/stat (proc(5)); the name in field 2 may hold spaces, so count from its closing bracket. */
function startOf(disk: DiskCalls, pid: number): string {
  const stat = read(disk, `/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

const bootId = (disk: DiskCalls): string => read(disk, '/proc/sys/kernel/random/boot_id')?.trim() ?? '';

function isAlive(disk: DiskCalls, holder: Holder): boolean {
  if (holder.bootId !== bootId(disk)) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
  return holder.startedAt === '' || holder.startedAt === startOf(disk, holder.pid);
}

function parse(text: string): Holder | undefined {
  try {
    const { pid, startedAt, bootId } = JSON.parse(text) as Holder;
    return Number.isInteger(pid) && pid > 0 ? { pid, startedAt, bootId } : undefined;
  } catch {
    return undefined;
  }
}

/** What the last holder leaves when it lets go: nobody. */
const RELEASED = '{}';

/**
 * Keeps two processes out of one directory. Locks are numbered, and the highest number counts: whoever finds its holder
 * dead, or gone, makes the next number with its own name in it by a link, which only one can. The number that is highest
 * is never taken away, only outdone, so nobody can bring an earlier state back: a starter that was held up, and makes a
 * number that had been outdone and cleared away meanwhile, sees the higher one and gives way. Removing a dead lock
 * instead, as is usual, leaves a moment in which a third starter takes the name that a second one is about to restore.
 */
export class DirectoryLock {
  readonly #disk: DiskCalls;
  readonly #directory: string;
  readonly #number: number;

  private constructor(disk: DiskCalls, directory: string, number: number) {
    this.#disk = disk;
    this.#directory = directory;
    this.#number = number;
  }

  /** @throws TuttiError `TUTTI_STORE_LOCKED`, `TUTTI_STORE_FULL` */
  static acquire(directory: string, disk: DiskCalls = nodeDisk()): DirectoryLock {
    const own: Holder = { pid: process.pid, startedAt: startOf(disk, process.pid), bootId: bootId(disk) };
    const draft = draftIn(directory);
    try {
      for (let attempt = 0; attempt < 10; attempt++) {
        const highest = numbersIn(disk, directory).at(-1) ?? -1;
        refuseIfHeld(disk, directory, highest);
        // Whoever has the lock clears drafts away, and may take this one for an old one.
        disk.writeFileSync(draft, JSON.stringify(own));
        if (!linked(disk, draft, join(directory, nameOf(highest + 1)))) continue;
        const numbers = numbersIn(disk, directory);
        if (numbers.at(-1) !== highest + 1) {
          disk.rmSync(join(directory, nameOf(highest + 1)), { force: true });
          continue;
        }
        for (const number of numbers.slice(0, -1))
          disk.rmSync(join(directory, nameOf(number)), { force: true });
        return new DirectoryLock(disk, directory, highest + 1);
      }
      throw new TuttiError('TUTTI_STORE_LOCKED', { directory, pid: 'another process that starts now' });
    } catch (thrown) {
      throw isFull(thrown as Error)
        ? new TuttiError('TUTTI_STORE_FULL', { directory }, { cause: thrown })
        : thrown;
    } finally {
      disk.rmSync(draft, { force: true });
    }
  }

  /**
   * Lets go. The number stays, so that the next one is higher. A disk that does not take even that is no reason to fail:
   * what stays names a process that will have ended.
   */
  release(): void {
    const path = join(this.#directory, nameOf(this.#number));
    const draft = draftIn(this.#directory);
    try {
      this.#disk.writeFileSync(draft, RELEASED);
      this.#disk.renameSync(draft, path);
    } catch {
      this.#empty(path, draft);
    }
  }

  /** Not even a few bytes have space: an empty file names nobody either. */
  #empty(path: string, draft: string): void {
    try {
      this.#disk.rmSync(draft, { force: true });
      this.#disk.closeSync(this.#disk.openSync(path, 'w'));
    } catch {
      // Read-only by now, or gone.
    }
  }
}

/** Two locks that one process takes at once must not share a draft. */
let draftCount = 0;
const draftIn = (directory: string) => join(directory, `${LOCK}.${process.pid}-${draftCount++}.tmp`);

/** Number 0 is what earlier versions call it. */
const nameOf = (number: number): string => (number === 0 ? LOCK : `${LOCK}-${number}`);

/** The numbers that there are, lowest first. */
function numbersIn(disk: DiskCalls, directory: string): number[] {
  const numbers = disk.readdirSync(directory).flatMap((name) => {
    if (name === LOCK) return [0];
    const match = /^lock-(\d+)$/.exec(name);
    return match ? [Number(match[1])] : [];
  });
  return numbers.toSorted((a, b) => a - b);
}

function refuseIfHeld(disk: DiskCalls, directory: string, number: number): void {
  const text = number < 0 ? undefined : read(disk, join(directory, nameOf(number)));
  const holder = text === undefined ? undefined : parse(text);
  if (holder && isAlive(disk, holder))
    throw new TuttiError('TUTTI_STORE_LOCKED', { directory, pid: holder.pid });
}

/** Creates the lock with its contents in one step: a link fails where the name exists. */
function linked(disk: DiskCalls, draft: string, path: string): boolean {
  try {
    disk.linkSync(draft, path);
    return true;
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'ENOENT') return false;
    throw thrown;
  }
}
