import type { Mutant } from '../mutant.ts';
import {
  DEAF_TRANSFERS,
  FORGETFUL_VOTERS,
  LATE_ANSWERS,
  LATE_ANSWERS_UNDER_LEASES,
  LATE_WORDS,
  SILENT_LEADERS,
  UNEQUAL_LEASES,
} from './seasons.ts';

/** How leadership moves, and what a lease rests on. */
export const LEADERSHIP_MUTANTS: readonly Mutant[] = [
  {
    name: 'a lease is kept over a transfer',
    file: 'raft/transfer.ts',
    right: 'state.lease.forfeit();',
    wrong: '',
    season: DEAF_TRANSFERS,
  },
  {
    name: 'a lease comes back once a transfer was given up',
    file: 'raft/transfer.ts',
    right: 'state.lease.forfeit();',
    wrong: 'state.lease.drop();',
    season: LATE_WORDS,
  },
  {
    name: 'a lease runs from when its answers came',
    file: 'raft/read-index.ts',
    right: 'state.lease.renew(confirmed.sentAtMs, confirmed.silentMs);',
    wrong: 'state.lease.renew(state.now(), confirmed.silentMs);',
    season: LATE_ANSWERS_UNDER_LEASES,
  },
  {
    name: 'a lease counts on voters for as long as its own leader would keep silent',
    file: 'raft/leading.ts',
    right: 'message.silentMs ?? state.config.leaseMs',
    wrong: 'state.config.leaseMs',
    season: UNEQUAL_LEASES,
  },
  {
    name: 'a lease outlasts the silence that it rests on',
    file: 'raft/lease.ts',
    right: 'Math.max(0, electionTimeoutTicks - 2) * tickMs * (1 - driftMax)',
    wrong: '2 * electionTimeoutTicks * tickMs',
    season: SILENT_LEADERS,
  },
  {
    name: 'a voter forgets over a restart that it protects a leader with a lease',
    file: 'raft/elections.ts',
    right: 'if (state.lease.enabled && state.ticks - state.heardAtTick < electionTimeoutTicks) return true;',
    wrong: '',
    season: FORGETFUL_VOTERS,
  },
  {
    name: 'votes are given while a leader is heard',
    file: 'raft/elections.ts',
    right: 'if (message.term > state.term && !message.transfer && hearsLeader(state)) return;',
    wrong: '',
    season: FORGETFUL_VOTERS,
  },
  {
    name: 'a word to campaign of an earlier term is followed',
    file: 'raft/raft-node.ts',
    right: 'if (message.term < state.term) return this.#onStale(message);',
    wrong: "if (message.term < state.term && message.type !== 'timeoutNow') return this.#onStale(message);",
    season: LATE_WORDS,
  },
  {
    name: 'a round of reads goes by the number of an earlier one',
    file: 'raft/read-rounds.ts',
    right: 'round: ++this.#last, index: commitIndex',
    wrong: 'round: (this.#last ||= 1), index: commitIndex',
    season: LATE_ANSWERS,
  },
  {
    name: 'an answer of the pre-vote counts as a vote',
    file: 'raft/campaign.ts',
    right: 'reply.pre === this.pre && ',
    wrong: '',
  },
];
