import type { Mutant } from '../mutant.ts';
import {
  SHARED_DECAY,
  SHARED_DECAY_AGAIN,
  SHARED_DECAY_CLEANED,
  SHARED_DECAY_UNREAD,
  SHARED_LOGS,
} from './seasons.ts';

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
    right: 'if (done) return joint.end();',
    wrong: 'if (done) return this.#drop(cut, keptBytes);',
    season: SHARED_LOGS,
  },
  {
    name: 'the older half of a shared log goes though something that is needed of it cannot be read',
    file: 'groups/shared-log-cleaner.ts',
    right: 'if (unread) return joint.end(unread);',
    wrong: '',
    season: SHARED_DECAY_CLEANED,
  },
  {
    name: 'the place of what decayed in a shared log is filled before that stands elsewhere',
    file: 'groups/shared-log-scrub.ts',
    right: 'if (standing.size === 0) return this.#fill(decayed, done);',
    wrong: 'if (standing.size >= 0) return this.#fill(decayed, done);',
    season: SHARED_DECAY,
  },
  {
    name: "a record of a shared log is nobody's",
    file: 'groups/record-owners.ts',
    right: "if (group === '') return base === 0 ? LOST : FORGOTTEN;",
    wrong: 'if (base >= 0) return FORGOTTEN;',
    season: SHARED_DECAY,
  },
  {
    name: "a record of a shared log is another group's",
    file: 'groups/record-owners.ts',
    right: 'number = FIRST_GROUP + this.#groups.length;',
    wrong: 'number = FIRST_GROUP;',
    season: SHARED_DECAY,
  },
  {
    name: 'a group says that it has made up for what decayed and has not',
    file: 'groups/shared-log-scrub.ts',
    right: "cleaner.put(group, 'kept', piece, joint.one(), mends);",
    wrong: "cleaner.put(group, 'kept', [], joint.one(), mends);",
    season: SHARED_DECAY,
  },
  {
    name: 'a group that lost its vote with a record takes the one before for its own',
    file: 'groups/recovered-group.ts',
    right: 'this.loss = { hardStateLost: true };',
    wrong: 'this.loss = { hardStateLost: false };',
    season: SHARED_DECAY_UNREAD,
  },
  {
    name: 'a group believes a vote of which its own record says that it is lost',
    file: 'groups/recovered-group.ts',
    right: '{ hardStateLost: found.loss?.hardStateLost ?? false };',
    wrong: '{ hardStateLost: false };',
    season: SHARED_DECAY_AGAIN,
  },
];
