import { join } from 'node:path';
import { TuttiError } from '@tutti/kernel';
import { type DiskCalls, nodeDisk } from './disk-calls.ts';

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

/** Keeps two processes out of one directory. What a dead process left behind is taken over. */
export class DirectoryLock {
  readonly #disk: DiskCalls;
  readonly #path: string;
  readonly #text: string;

  private constructor(disk: DiskCalls, path: string, text: string) {
    this.#disk = disk;
    this.#path = path;
    this.#text = text;
  }

  /** @throws TuttiError `TUTTI_STORE_LOCKED` */
  static acquire(directory: string, disk: DiskCalls = nodeDisk()): DirectoryLock {
    const path = join(directory, LOCK);
    const own: Holder = { pid: process.pid, startedAt: startOf(disk, process.pid), bootId: bootId(disk) };
    const text = JSON.stringify(own);
    const draft = join(directory, `${LOCK}.${process.pid}.tmp`);
    disk.writeFileSync(draft, text);
    try {
      for (let attempt = 0; attempt < 10; attempt++) {
        if (linked(disk, draft, path)) return new DirectoryLock(disk, path, text);
        const found = read(disk, path);
        if (found === undefined) continue;
        const holder = parse(found);
        if (holder && isAlive(disk, holder))
          throw new TuttiError('TUTTI_STORE_LOCKED', { directory, pid: holder.pid });
        removeStale(disk, path, found, `${draft}.stale`);
      }
      throw new TuttiError('TUTTI_STORE_LOCKED', { directory, pid: 'another process that starts now' });
    } finally {
      disk.unlinkSync(draft);
    }
  }

  release(): void {
    if (read(this.#disk, this.#path) === this.#text) this.#disk.unlinkSync(this.#path);
  }
}

/** Creates the lock with its contents in one step: a link fails where the name exists. */
function linked(disk: DiskCalls, draft: string, path: string): boolean {
  try {
    disk.linkSync(draft, path);
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw thrown;
  }
}

/**
 * Takes a dead holder's lock away. Two processes may try at once: whoever moved something else than what was judged
 * to be dead moves it back.
 */
function removeStale(disk: DiskCalls, path: string, judged: string, aside: string): void {
  try {
    disk.renameSync(path, aside);
  } catch {
    return;
  }
  if (read(disk, aside) !== judged) linked(disk, aside, path);
  disk.unlinkSync(aside);
}
