import type { Mutant } from '../mutant.ts';
import { FORGOTTEN_SESSIONS, LEFT_BEHIND } from './seasons.ts';

/** What stands in for the log. */
export const SNAPSHOTS_MUTANTS: readonly Mutant[] = [
  {
    name: 'a log that contradicts a snapshot is kept if it is as long',
    file: 'raft/snapshots.ts',
    right: 'if (!state.log.matches(meta.index, meta.term)) return true;',
    wrong: 'if (state.log.lastIndex < meta.index) return true;',
    season: LEFT_BEHIND,
  },
  {
    name: 'a compacted log is taken for a whole one',
    file: 'raft/replication.ts',
    right: 'return index + 1 >= this.#log.firstIndex && this.#log.termAt(index) !== undefined;',
    wrong: 'return true;',
  },
  {
    name: 'a command whose session a snapshot no longer has is taken for one that was never applied',
    file: 'replica/proposals.ts',
    right: 'else if (pending.attempts > 0 && !sessions.has(pending.session)) this.#sessionExpired(pending);',
    wrong: '',
    season: FORGOTTEN_SESSIONS,
  },
];
