import type { Mutant } from '../mutant.ts';
import { CHANGES_AND_SNAPSHOTS, FORGOTTEN_VOTES, HALF_CHANGES } from './seasons.ts';

/** Who belongs to the group, and how that changes. */
export const MEMBERSHIP_MUTANTS: readonly Mutant[] = [
  {
    name: 'a configuration stays in force when its entry is truncated',
    file: 'raft/log-view.ts',
    right: 'this.configurations.truncatedFrom(index);',
    wrong: '',
  },
  {
    name: 'a joint configuration is judged by its old voters only',
    file: 'raft/electorate.ts',
    right: 'outgoing ? [voters, outgoing] : [voters]',
    wrong: 'outgoing ? [outgoing] : [voters]',
  },
  {
    name: 'a joint configuration is judged by its new voters only',
    file: 'raft/electorate.ts',
    right: 'outgoing ? [voters, outgoing] : [voters]',
    wrong: '[voters]',
  },
  {
    name: 'learners are counted in the quorum',
    file: 'raft/electorate.ts',
    right: 'outgoing ? [voters, outgoing] : [voters]',
    wrong: 'outgoing ? [voters, outgoing] : [[...voters, ...learners]]',
  },
  {
    name: 'a change begins while the one before is not committed',
    file: 'raft/reconfiguring.ts',
    right: 'state.staged || !isCommitted || latest.electorate.isJoint',
    wrong: 'state.staged || latest.electorate.isJoint',
    season: HALF_CHANGES,
  },
  {
    name: 'a leader that is removed counts itself',
    file: 'raft/replication.ts',
    right: 'const reached = this.#electorate().reached((voter) =>',
    wrong: `const { membership, constructor } = this.#electorate();
    const counted = new constructor({ ...membership, voters: [...new Set([...membership.voters, this.#self])] });
    const reached = counted.reached((voter) =>`,
  },
  {
    name: 'a leader that is removed goes on leading',
    file: 'raft/reconfiguring.ts',
    right: 'if (!latest.electorate.isVoter(state.id)) return standDown(state);',
    wrong: '',
    season: HALF_CHANGES,
  },
  {
    name: 'a snapshot holds a configuration that is later than its last entry',
    file: 'replica/driver.ts',
    right: 'this.#core.membershipAt(this.#applier.index)',
    wrong: 'this.#core.membership',
    season: CHANGES_AND_SNAPSHOTS,
  },
  {
    name: 'only the leader that entered a joint configuration leaves it',
    file: 'raft/reconfiguring.ts',
    right: 'if (latest.electorate.isJoint) return',
    wrong: 'if (latest.electorate.isJoint && state.log.termAt(latest.index) === state.term) return',
  },
  {
    name: 'who is not in its own configuration never campaigns, though the others need its log',
    file: 'raft/reconfiguring.ts',
    right: 'return configurations.at(configurations.latest.index - 1).electorate.isVoter(state.id);',
    wrong: 'return false;',
    season: HALF_CHANGES,
  },
  {
    name: 'who is not in its own configuration judges by its commit index whether it may campaign',
    file: 'raft/reconfiguring.ts',
    right: 'configurations.at(configurations.latest.index - 1)',
    wrong: 'configurations.at(state.commitIndex)',
    season: HALF_CHANGES,
  },
  {
    name: 'a voter that forgot its vote goes on from a leader that the other voters need not follow any more',
    file: 'replica/repair-fence.ts',
    right: 'commitIndex >= this.#at.index',
    wrong: 'commitIndex >= 0',
    season: FORGOTTEN_VOTES,
  },
];
