import type { Mutant } from '../mutant.ts';
import { ASKED_BEFORE, LATE_ANSWERS } from './seasons.ts';

/** What a read may be answered with. */
export const READS_MUTANTS: readonly Mutant[] = [
  {
    name: 'reads are answered without a round of heartbeats',
    file: 'raft/read-rounds.ts',
    right: 'this.#rounds[0]!.round <= confirmed',
    wrong: 'confirmed >= 0',
  },
  {
    name: 'answers to an earlier round confirm a later one',
    file: 'raft/read-rounds.ts',
    right: 'this.#answered.set(from, round);',
    wrong: 'this.#answered.set(from, this.#last);',
    season: LATE_ANSWERS,
  },
  {
    name: 'a new leader answers reads before it has committed in its term',
    file: 'raft/read-index.ts',
    right: 'return state.rounds.hasWaiting && state.hasCommittedInTerm;',
    wrong: 'return state.rounds.hasWaiting;',
  },
  {
    name: 'a read is answered at the index of its question to an earlier life',
    file: 'raft/forwarded-reads.ts',
    right: 'random.uint32() * 2 ** 20',
    wrong: '0 * random.uint32()',
    season: ASKED_BEFORE,
  },
];
