import { term } from '@tutti/kernel';
import { Campaign, isUpToDate } from './campaign.ts';
import { becomeLeader } from './leading.ts';
import type { RaftMessage, RequestVote, VoteReply } from './messages.ts';
import type { RaftState } from './raft-state.ts';
import { becomeFollower, drawElectionTimeout, enterRole } from './roles.ts';

/** Starts an election, or first asks whether it could be won (5.2; thesis 9.6). */
export function campaign(state: RaftState): void {
  drawElectionTimeout(state);
  if (state.role === 'leader' || !state.electorate.isVoter(state.id) || state.installing) return;
  if (state.config.preVote) becomePreCandidate(state);
  else becomeCandidate(state);
}

function becomePreCandidate(state: RaftState): void {
  enterRole(state, 'pre-candidate', undefined);
  const campaign = new Campaign(true, term(state.term + 1));
  state.campaign = campaign;
  campaign.count(state.id, true);
  requestVotes(state, campaign, state.messages);
  judgeCampaign(state);
}

function becomeCandidate(state: RaftState): void {
  enterRole(state, 'candidate', undefined);
  state.term = term(state.term + 1);
  state.votedFor = state.id;
  state.hardStateDirty = true;
  drawElectionTimeout(state);
  // This node's own vote counts when it is on disk, see `ownVoteIsDurable`.
  state.campaign = new Campaign(false, state.term);
  requestVotes(state, state.campaign, state.promises);
}

function requestVotes(state: RaftState, campaign: Campaign, into: RaftMessage[]): void {
  const { lastIndex, lastTerm } = state.log;
  for (const voter of state.electorate.voters) {
    if (voter === state.id) continue;
    const { term, pre } = campaign;
    into.push({ type: 'requestVote', from: state.id, to: voter, term, pre, lastIndex, lastTerm });
  }
}

function judgeCampaign(state: RaftState): void {
  const { campaign } = state;
  if (!campaign) return;
  const verdict = campaign.verdict(state.electorate);
  if (verdict === 'lost') becomeFollower(state, state.term, undefined);
  else if (verdict === 'won' && campaign.pre) becomeCandidate(state);
  else if (verdict === 'won') becomeLeader(state);
}

/** A candidate's vote for itself is a promise like any other: it counts once it cannot be forgotten. */
export function ownVoteIsDurable(state: RaftState): void {
  state.campaign!.count(state.id, true);
  judgeCampaign(state);
}

export function onRequestVote(state: RaftState, message: RequestVote): void {
  if (!state.electorate.isVoter(message.from)) return;
  if (message.term > state.term && hearsLeader(state)) return;
  if (message.pre) return answerPreVote(state, message);
  if (message.term > state.term) becomeFollower(state, message.term, undefined);
  const granted =
    message.term === state.term &&
    state.role === 'follower' &&
    (state.votedFor === undefined || state.votedFor === message.from) &&
    isUpToDate(message, state.log);
  if (granted) {
    if (state.votedFor === undefined) state.hardStateDirty = true;
    state.votedFor = message.from;
    drawElectionTimeout(state);
  }
  state.promises.push(voteReply(state, message, granted));
}

/** A pre-vote promises nothing, so it changes nothing here and waits for no disk. */
function answerPreVote(state: RaftState, message: RequestVote): void {
  const granted = message.term > state.term && isUpToDate(message, state.log);
  state.messages.push(voteReply(state, message, granted));
}

function voteReply(state: RaftState, message: RequestVote, granted: boolean): VoteReply {
  return {
    type: 'voteReply',
    from: state.id,
    to: message.from,
    term: state.term,
    pre: message.pre,
    campaignTerm: message.term,
    granted,
  };
}

/** While a leader is heard, candidates are not answered: whoever was cut off or removed disturbs nobody (6). */
function hearsLeader(state: RaftState): boolean {
  if (!state.config.checkQuorum || state.leader === undefined) return false;
  return state.role === 'leader' || state.electionElapsedTicks < state.config.electionTimeoutTicks;
}

export function onVoteReply(state: RaftState, message: VoteReply): void {
  if (message.term > state.term) return becomeFollower(state, message.term, undefined);
  if (!state.campaign?.isAnsweredBy(message)) return;
  state.campaign.count(message.from, message.granted);
  judgeCampaign(state);
}
