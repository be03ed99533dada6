import { join } from 'node:path';
import { type NodeId, TuttiError, term } from '@tutti/kernel';
import type { HardState } from '../../raft/messages.ts';
import type { DiskCalls } from './disk-calls.ts';
import { syncDirectory, writeDurably } from './meta-file.ts';

const MARK = 'damage.json';

/**
 * Says what was lost of this log and does not show in it any more: its end, which was cut off, or a newer term or vote,
 * whose place was closed. So its node does not take what is left for the whole, also when it is started again before
 * that has been made up for. It keeps the newest term and vote that could be read, which may stand in what is cut off.
 */
export interface DamageMark {
  readonly hardState: HardState;
  readonly hardStateLost: boolean;
  /** Marks that do not say it were written when an end was cut off. */
  readonly endLost: boolean;
}

export function readMark(disk: DiskCalls, directory: string): DamageMark | undefined {
  const file = join(directory, MARK);
  if (!disk.existsSync(file)) return undefined;
  const lost: DamageMark = {
    hardState: { term: term(0), votedFor: undefined },
    hardStateLost: true,
    endLost: true,
  };
  try {
    const found = JSON.parse(disk.readFileSync(file).toString('utf8')) as {
      term: number;
      votedFor?: NodeId;
      hardStateLost: boolean;
      endLost?: unknown;
    };
    if (!Number.isSafeInteger(found.term) || typeof found.hardStateLost !== 'boolean') return lost;
    const hardState = { term: term(found.term), votedFor: found.votedFor };
    return { hardState, hardStateLost: found.hardStateLost, endLost: found.endLost !== false };
  } catch {
    // The mark itself is damaged: that it was there says that something is lost, and what it knew is lost with it.
    return lost;
  }
}

export function writeMark(disk: DiskCalls, directory: string, mark: DamageMark): void {
  const { term, votedFor } = mark.hardState;
  const { hardStateLost, endLost } = mark;
  const contents = { term, votedFor, hardStateLost, endLost };
  writeDurably(disk, directory, MARK, `${JSON.stringify(contents)}\n`);
}

export function removeMark(disk: DiskCalls, directory: string): void {
  disk.rmSync(join(directory, MARK), { force: true });
  syncDirectory(disk, directory);
}

export const markFailure = (directory: string, { endLost }: DamageMark): TuttiError =>
  new TuttiError('TUTTI_STORE_CORRUPT', {
    file: join(directory, MARK),
    offset: 0,
    problem: `${endLost ? 'the end of this log was' : 'term and vote were'} lost, and the other nodes have not made up for it yet`,
  });
