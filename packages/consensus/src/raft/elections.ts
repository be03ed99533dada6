import { type Term, term } from '@tutti/kernel';
import { Campaign, isUpToDate } from './campaign.ts';
import { becomeLeader } from './leading.ts';
import type { RaftMessage, RequestVote, TimeoutNow, VoteReply } from './messages.ts';
import type { RaftState } from './raft-state.ts';
import { mayCampaign } from './reconfiguring.ts';
import { becomeFollower, drawElectionTimeout, enterRole } from './roles.ts';
import { mayTakeOver } from './transfer.ts';

/** Starts an election, or first asks whether it could be won (5.2; thesis 9.6). */
export function campaign(state: RaftState): void {
  // The time that has passed is, at a leader, that since it looked for a quorum.
  if (state.role === 'leader') return;
  if (!state.mayLead || !mayCampaign(state) || state.installing) return loseLeader(state);
  drawElectionTimeout(state);
  // One that is out of its own newest configuration may be needed still, but those in it must not have to keep up with
  // its terms: without pre-vote they could find no time to elect anybody.
  if (state.config.preVote || !state.electorate.isVoter(state.id)) becomePreCandidate(state);
  else becomeCandidate(state);
}

/**
 * Who may not stand has heard no leader for as long as those who may. It has to say that none is known, and its vote may
 * be the one that another needs: it must not be kept back for a leader that is gone.
 */
function loseLeader(state: RaftState): void {
  if (state.leader === undefined) drawElectionTimeout(state);
  else becomeFollower(state, state.term, undefined);
}

function becomePreCandidate(state: RaftState): void {
  enterRole(state, 'pre-candidate', undefined);
  const campaign = new Campaign(true, term(state.term + 1), ++state.preVotes);
  state.campaign = campaign;
  campaign.count(state.id, true);
  requestVotes(state, campaign, state.messages);
  judgeCampaign(state);
}

/** Campaigns at the leader's word: no pre-vote, and voters do not protect the leader that asks for it (3.10). */
export function onTimeoutNow(state: RaftState, message: TimeoutNow): void {
  if (mayTakeOver(state, message)) becomeCandidate(state, true);
}

function becomeCandidate(state: RaftState, transfer = false): void {
  enterRole(state, 'candidate', undefined);
  state.term = term(state.term + 1);
  state.votedFor = state.id;
  state.hardStateDirty = true;
  drawElectionTimeout(state);
  // This node's own vote counts when it is on disk, see `ownVoteIsDurable`.
  state.campaign = new Campaign(false, state.term);
  requestVotes(state, state.campaign, state.promises, transfer);
}

function requestVotes(state: RaftState, campaign: Campaign, into: RaftMessage[], transfer = false): void {
  const { lastIndex, lastTerm } = state.log;
  const { term, pre, attempt } = campaign;
  const asked = { term, pre, lastIndex, lastTerm, transfer, ...(attempt !== undefined && { attempt }) };
  for (const voter of state.electorate.voters)
    if (voter !== state.id) into.push({ type: 'requestVote', from: state.id, to: voter, ...asked });
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
  // No look at who the candidate is: a configuration that makes it a voter may be on its way here (paper 6). But a
  // node without any configuration has promised nothing to anybody, and has nothing to judge by.
  if (!state.electorate.isKnown) return;
  if (state.replication && !state.electorate.isMember(message.from))
    state.replication.tellStranger(message.from, state.log.configurations.latest.index);
  if (message.term > state.term && !message.transfer && hearsLeader(state)) return;
  // Whom this node waits for cannot be elected: without pre-vote its every try would begin the wait anew, for ever.
  if (!isUpToDate(message, state.log)) state.yields = false;
  if (message.pre) return answerPreVote(state, message);
  if (message.term > state.term) hearOfTerm(state, message.term);
  // Whoever stands in this term, or leads in it, has voted for itself.
  const granted =
    message.term === state.term &&
    (state.votedFor === undefined || state.votedFor === message.from) &&
    isUpToDate(message, state.log);
  if (granted) {
    // One that only asks whether it could stand lets another go ahead.
    if (state.role === 'pre-candidate') becomeFollower(state, state.term, undefined);
    if (state.votedFor === undefined) state.hardStateDirty = true;
    state.votedFor = message.from;
    drawElectionTimeout(state);
  }
  state.promises.push(voteReply(state, message, granted));
}

/**
 * The wait for a leader goes on, and only a vote that is granted begins it anew (5.2): one that lacks entries and waits
 * less than the others would keep them all from standing, for ever.
 */
function hearOfTerm(state: RaftState, of: Term): void {
  const waitedTicks = state.role === 'leader' ? 0 : state.electionElapsedTicks;
  becomeFollower(state, of, undefined);
  state.electionElapsedTicks = waitedTicks;
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
    ...(message.attempt !== undefined && { attempt: message.attempt }),
  };
}

/** While a leader is heard, candidates are not answered: whoever was cut off or removed disturbs nobody (6). */
function hearsLeader(state: RaftState): boolean {
  const { checkQuorum, electionTimeoutTicks } = state.config;
  // A leader with a lease counts on this node's silence, whatever else happens here, a restart included.
  if (state.lease.enabled && state.ticks - state.heardAtTick < electionTimeoutTicks) return true;
  if (!checkQuorum || state.leader === undefined) return false;
  return state.role === 'leader' || state.electionElapsedTicks < electionTimeoutTicks;
}

export function onVoteReply(state: RaftState, message: VoteReply): void {
  if (message.term > state.term) return becomeFollower(state, message.term, undefined);
  if (!state.campaign?.isAnsweredBy(message)) return;
  state.campaign.count(message.from, message.granted);
  judgeCampaign(state);
}
