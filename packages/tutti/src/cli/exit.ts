import { isTuttiError } from '@tutti/kernel';

/** What the process exits with: 0 done, 1 the work failed, 2 wrong usage or input, 130 interrupted. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** Errors of the world, not of whoever typed the command: the same command may succeed the next time. */
const WORK_FAILED: ReadonlySet<string> = new Set([
  'TUTTI_INTERNAL',
  'TUTTI_ADMIN_UNREACHABLE',
  'TUTTI_NO_LEADER',
  'TUTTI_NOT_LEADER',
  'TUTTI_LEADERSHIP_MOVING',
  'TUTTI_TRANSFER_TIMEOUT',
  'TUTTI_TRANSFER_TARGET_LOST',
  'TUTTI_MEMBERSHIP_CHANGING',
  'TUTTI_MEMBER_BEHIND',
  'TUTTI_NODE_DIED',
  'TUTTI_QUORUM_LOST',
  'TUTTI_CLOSED',
  'TUTTI_TIMEOUT',
  'TUTTI_OUTCOME_UNKNOWN',
  'TUTTI_OVERLOADED',
  'TUTTI_STORE_FULL',
  'TUTTI_STORE_FAILED',
  'TUTTI_STORE_HUNG',
  'TUTTI_STORE_REPAIRING',
  'TUTTI_BACKUP_UNWRITABLE',
]);

/** What a command that threw exits with. */
export function exitCodeOf(thrown: unknown): number {
  if (isTuttiError(thrown, 'TUTTI_ABORTED')) return EXIT.interrupted;
  return isTuttiError(thrown) && !WORK_FAILED.has(thrown.code) ? EXIT.usage : EXIT.failed;
}
