import type { Mutant } from '../mutant.ts';
import { SHARED_LOGS } from './seasons.ts';

/** What several groups on one node share. */
export const GROUPS_MUTANTS: readonly Mutant[] = [
  {
    name: 'a group is told that its records are durable when they are handed over',
    file: 'groups/shared-log.ts',
    right: 'this.#waiting.set(index, { data, done });',
    wrong:
      'this.#waiting.set(index, { data, done: () => {} });\n    this.#clock.nextTurn(() => done(undefined));',
    season: SHARED_LOGS,
  },
  {
    name: 'the term and vote of a group are dropped with the older half of the log',
    file: 'groups/shared-log-cleaner.ts',
    right: 'group.newestRecord <= cut || group.hardStateRecord <= cut || group.rows.base > group.loggedBase',
    wrong: 'group.newestRecord <= cut || group.rows.base > group.loggedBase',
    season: SHARED_LOGS,
  },
  {
    name: 'the older half of a shared log goes before what is needed of it is durable once more',
    file: 'groups/shared-log-cleaner.ts',
    right: 'if (done) return settled(undefined);',
    wrong: 'if (done) return this.#drop(cut, keptBytes);',
    season: SHARED_LOGS,
  },
];
