import type { Mutant } from '../mutant.ts';
import { FORGETTING, HALF_LEADERS, IMPATIENT_VOTERS } from './seasons.ts';

/** Who may lead. */
export const ELECTIONS_MUTANTS: readonly Mutant[] = [
  {
    name: 'a vote leaves before it is on disk',
    file: 'raft/elections.ts',
    right: 'state.promises.push(voteReply(state, message, granted));',
    wrong: 'state.messages.push(voteReply(state, message, granted));',
    season: FORGETTING,
  },
  {
    name: 'a voter votes for everyone who asks',
    file: 'raft/elections.ts',
    right: '(state.votedFor === undefined || state.votedFor === message.from) &&',
    wrong: '',
  },
  {
    name: 'a vote does not look at the log',
    file: 'raft/elections.ts',
    right: '    isUpToDate(message, state.log);\n  if (granted)',
    wrong: '    true;\n  if (granted)',
  },
  {
    name: 'logs are compared by length alone',
    file: 'raft/campaign.ts',
    right: 'if (candidate.lastTerm !== log.lastTerm) return candidate.lastTerm > log.lastTerm;',
    wrong: '',
    season: HALF_LEADERS,
  },
  {
    name: 'the vote is forgotten by stepping down within the term',
    file: 'raft/roles.ts',
    right: 'if (term > state.term) {',
    wrong: 'if (term >= state.term) {',
  },
  {
    name: 'a candidate asks for votes and counts its own before that is on disk',
    file: 'raft/elections.ts',
    right: 'requestVotes(state, state.campaign, state.promises, transfer);',
    wrong: 'requestVotes(state, state.campaign, state.messages); state.campaign.count(state.id, true);',
    season: FORGETTING,
  },
  {
    name: 'answers to another campaign count',
    file: 'raft/campaign.ts',
    right: 'return reply.pre === this.pre && reply.campaignTerm === this.term;',
    wrong: 'return true;',
  },
  {
    name: 'one vote less than a majority wins an election',
    file: 'quorum/majority.ts',
    right: 'if (granted >= needed)',
    wrong: 'if (granted >= Math.max(1, needed - 1))',
  },
  {
    name: 'a vote that is refused begins the wait anew',
    file: 'raft/elections.ts',
    right: 'state.electionElapsedTicks = waitedTicks;',
    wrong: '',
    season: IMPATIENT_VOTERS,
  },
];
