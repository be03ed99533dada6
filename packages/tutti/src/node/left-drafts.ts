import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isRunning } from './is-running.ts';

/** After the name of what is being written: the number of the process, and where that is not enough, of the draft. */
const DRAFT = /^\.(\d+)(?:\.[0-9a-f]{8})?\.tmp$/;

/**
 * Drafts of `path` beside it that processes have left which were ended while they wrote them; one of those may have had
 * our number. That another machine's process goes on cannot be seen from here.
 */
export function leftDrafts(path: string): string[] {
  const folder = dirname(path);
  const name = basename(path);
  if (!existsSync(folder)) return [];
  const isLeft = (other: string): boolean => {
    const owner = other.startsWith(name) ? DRAFT.exec(other.slice(name.length))?.[1] : undefined;
    return owner !== undefined && (Number(owner) === process.pid || !isRunning(Number(owner)));
  };
  return readdirSync(folder)
    .filter(isLeft)
    .map((other) => join(folder, other));
}
