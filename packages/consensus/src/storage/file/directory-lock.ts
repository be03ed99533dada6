import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TuttiError } from '@tutti/kernel';

const LOCK = 'lock';

/** Who holds a directory. A process id alone is not enough: after a restart another process may have it. */
interface Holder {
  readonly pid: number;
  /** When that process started, as the kernel counts it; empty where it cannot be known. */
  readonly startedAt: string;
  readonly bootId: string;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Field 22 of /proc/PID/stat (proc(5)); the name in field 2 may hold spaces, so count from its closing bracket. */
function startOf(pid: number): string {
  const stat = read(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

const bootId = (): string => read('/proc/sys/kernel/random/boot_id')?.trim() ?? '';

function isAlive(holder: Holder): boolean {
  if (holder.bootId !== bootId()) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
  return holder.startedAt === '' || holder.startedAt === startOf(holder.pid);
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
  readonly #path: string;
  readonly #text: string;

  private constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text;
  }

  /** @throws TuttiError `TUTTI_STORE_LOCKED` */
  static acquire(directory: string): DirectoryLock {
    const path = join(directory, LOCK);
    const own: Holder = { pid: process.pid, startedAt: startOf(process.pid), bootId: bootId() };
    const text = JSON.stringify(own);
    const draft = join(directory, `${LOCK}.${process.pid}.tmp`);
    writeFileSync(draft, text);
    try {
      for (let attempt = 0; attempt < 10; attempt++) {
        if (linked(draft, path)) return new DirectoryLock(path, text);
        const found = read(path);
        if (found === undefined) continue;
        const holder = parse(found);
        if (holder && isAlive(holder))
          throw new TuttiError('TUTTI_STORE_LOCKED', { directory, pid: holder.pid });
        removeStale(path, found, `${draft}.stale`);
      }
      throw new TuttiError('TUTTI_STORE_LOCKED', { directory, pid: 'another process that starts now' });
    } finally {
      unlinkSync(draft);
    }
  }

  release(): void {
    if (read(this.#path) === this.#text) unlinkSync(this.#path);
  }
}

/** Creates the lock with its contents in one step: a link fails where the name exists. */
function linked(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
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
function removeStale(path: string, judged: string, aside: string): void {
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  if (read(aside) !== judged) linked(aside, path);
  unlinkSync(aside);
}
