import { join } from 'node:path';
import { type NodeId, TuttiError, term } from '@tutti/kernel';
import type { HardState } from '../../raft/messages.ts';
import type { DiskCalls } from './disk-calls.ts';
import { syncDirectory, writeDurably } from './meta-file.ts';

const MARK = 'damage.json';

/**
 * Says that the end of this log was lost and cut off, so that its node does not take what is left for the whole, also
 * when it is started again before the end has been fetched. It keeps the newest term and vote that could be read,
 * which may stand in what is cut off.
 */
export interface DamageMark {
  readonly hardState: HardState;
  readonly hardStateLost: boolean;
}

export function readMark(disk: DiskCalls, directory: string): DamageMark | undefined {
  const file = join(directory, MARK);
  if (!disk.existsSync(file)) return undefined;
  const lost: DamageMark = { hardState: { term: term(0), votedFor: undefined }, hardStateLost: true };
  try {
    const found = JSON.parse(disk.readFileSync(file).toString('utf8')) as {
      term: number;
      votedFor?: NodeId;
      hardStateLost: boolean;
    };
    if (!Number.isSafeInteger(found.term) || typeof found.hardStateLost !== 'boolean') return lost;
    const hardState = { term: term(found.term), votedFor: found.votedFor };
    return { hardState, hardStateLost: found.hardStateLost };
  } catch {
    // The mark itself is damaged: that it was there says that the end is lost; what it knew is lost with it.
    return lost;
  }
}

export function writeMark(disk: DiskCalls, directory: string, mark: DamageMark): void {
  const { term, votedFor } = mark.hardState;
  const contents = { term, votedFor, hardStateLost: mark.hardStateLost };
  writeDurably(disk, directory, MARK, `${JSON.stringify(contents)}\n`);
}

export function removeMark(disk: DiskCalls, directory: string): void {
  disk.rmSync(join(directory, MARK), { force: true });
  syncDirectory(disk, directory);
}

export const markFailure = (directory: string): TuttiError =>
  new TuttiError('TUTTI_STORE_CORRUPT', {
    file: join(directory, MARK),
    offset: 0,
    problem: 'the end of this log was lost, and has not been fetched from the other nodes yet',
  });
