import type { Mutant } from '../mutant.ts';
import {
  ASKED_BEFORE,
  LATE_ANSWERS,
  LATE_REGISTERS,
  LONELY_LEASES,
  REGISTERS_ASKED_BEFORE,
  REGISTERS_UNDER_LEASES,
  REMOVED_LEADERS,
  RESENT_REGISTERS,
} from './seasons.ts';

const LINEARIZABLE = 'linearizable per key';

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
    right: 'this.#answered.set(from, { round, silentMs });',
    wrong: 'this.#answered.set(from, { round: this.#last, silentMs });',
    season: LATE_ANSWERS,
  },
  {
    name: 'a follower that loses the link to its leader forgets the lease that it has promised',
    file: 'raft/link-lost.ts',
    right: 'if (!state.lease.enabled)',
    wrong: '',
    season: LONELY_LEASES,
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
    right: 'firstRequestOf(random, life)',
    wrong: '0 * firstRequestOf(random, life)',
    season: ASKED_BEFORE,
  },
  {
    name: 'a register is read without a round of heartbeats',
    file: 'raft/read-rounds.ts',
    right: 'this.#rounds[0]!.round <= confirmed',
    wrong: 'confirmed >= 0',
    breaks: LINEARIZABLE,
    season: LATE_REGISTERS,
  },
  {
    name: 'a register is read at a follower before what was committed is applied',
    file: 'replica/reads.ts',
    right: 'if (round.index > appliedIndex) later.push(round);',
    wrong: 'if (round.index < 0) later.push(round);',
    breaks: LINEARIZABLE,
    season: LATE_REGISTERS,
  },
  {
    name: 'a register is read at the index of a question of an earlier life',
    file: 'raft/forwarded-reads.ts',
    right: 'firstRequestOf(random, life)',
    wrong: '0 * firstRequestOf(random, life)',
    breaks: LINEARIZABLE,
    season: REGISTERS_ASKED_BEFORE,
  },
  {
    name: 'a register is read under a lease that was kept over a transfer',
    file: 'raft/transfer.ts',
    right: 'state.lease.forfeit();',
    wrong: '',
    breaks: LINEARIZABLE,
    season: REGISTERS_UNDER_LEASES,
  },
  {
    name: 'a register is read at a leader that was removed and has handed over',
    file: 'raft/reconfiguring.ts',
    right: 'from: state.id, to: heir, term: state.term });\n  becomeFollower(state, state.term, undefined);',
    wrong: 'from: state.id, to: heir, term: state.term });',
    breaks: LINEARIZABLE,
    season: REMOVED_LEADERS,
  },
  {
    name: 'what waits to be read when a leader steps down is read as it is there',
    file: 'raft/read-index.ts',
    right: 'if (from === state.id) state.lostReads.push(requestId);',
    wrong: 'if (from === state.id) state.reads.push({ requestId, index: state.commitIndex });',
    breaks: LINEARIZABLE,
    season: LATE_REGISTERS,
  },
  {
    name: 'a command that is repeated is done again, and answered with another result',
    file: 'replica/session-table.ts',
    right: "if (outcome) return { verdict: 'repeated', outcome };",
    wrong: '',
    breaks: LINEARIZABLE,
    season: RESENT_REGISTERS,
  },
  {
    name: 'a snapshot leaves out the results of sessions',
    file: 'replica/session-table.ts',
    right: 'this.#sessions.set(id, { generation: this.#generation, nonce, ackedBelow, results });',
    wrong: 'this.#sessions.set(id, { generation: this.#generation, nonce, ackedBelow, results: new Map() });',
    breaks: LINEARIZABLE,
    season: RESENT_REGISTERS,
  },
];
