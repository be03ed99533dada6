import type { Mutant } from '../mutant.ts';
import { LEFT_BEHIND } from './seasons.ts';

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
];
