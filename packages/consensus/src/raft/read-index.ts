import type { LogIndex, NodeId } from '@tutti/kernel';
import { broadcastHeartbeat } from './heartbeats.ts';
import { holdsLease } from './lease.ts';
import type { ReadIndexReply, ReadIndexRequest } from './messages.ts';
import type { RaftState } from './raft-state.ts';

/** Takes in a read of this node's own, or reports it lost at once (thesis 6.4). */
export function askReadIndex(state: RaftState, requestId: number): void {
  if (mayAnswerAtOnce(state)) return void state.reads.push({ requestId, index: state.commitIndex });
  const taken =
    state.role === 'leader'
      ? state.rounds.add({ from: state.id, requestId })
      : state.leader !== undefined && state.forwarded.add(requestId);
  if (!taken) state.lostReads.push(requestId);
}

export function onReadIndex(state: RaftState, message: ReadIndexRequest): void {
  const { from, requestId } = message;
  if (mayAnswerAtOnce(state)) return replyReadIndex(state, from, requestId, state.commitIndex);
  const taken = state.role === 'leader' && state.rounds.add({ from, requestId });
  if (!taken) replyReadIndex(state, from, requestId, undefined);
}

export function replyReadIndex(
  state: RaftState,
  to: NodeId,
  requestId: number,
  readIndex: LogIndex | undefined,
): void {
  state.messages.push({
    type: 'readIndexReply',
    from: state.id,
    to,
    term: state.term,
    requestId,
    readIndex,
  });
}

export function onReadIndexReply(state: RaftState, message: ReadIndexReply): void {
  if (message.from !== state.leader) return;
  for (const requestId of state.forwarded.takeAnswered(message.requestId)) {
    if (message.readIndex === undefined) state.lostReads.push(requestId);
    else state.reads.push({ requestId, index: message.readIndex });
  }
}

/** Gives up the reads whose question or answer must be lost by now. */
export function loseLateReads(state: RaftState): void {
  const askedBeforeTick = state.ticks - state.config.electionTimeoutTicks;
  state.lostReads.push(...state.forwarded.takeOlderThan(askedBeforeTick));
}

/** Gives up everything under way: the leadership that would have answered is over, or was never known. */
export function loseReads(state: RaftState): void {
  state.lostReads.push(...state.forwarded.takeAll());
  if (!state.replication) return;
  for (const { from, requestId } of state.rounds.takeAll()) {
    if (from === state.id) state.lostReads.push(requestId);
    else replyReadIndex(state, from, requestId, undefined);
  }
}

/** Whether there are reads to send. */
export function owesReads(state: RaftState): boolean {
  return state.role === 'leader' ? mayOpenRound(state) : state.forwarded.hasWaiting;
}

function mayOpenRound(state: RaftState): boolean {
  return state.rounds.hasWaiting && state.hasCommittedInTerm;
}

/** A lease stands for the round (thesis 6.4.1). */
function mayAnswerAtOnce(state: RaftState): boolean {
  return holdsLease(state) && state.hasCommittedInTerm;
}

/** All reads of a turn go out together: one round of heartbeats here, one question from elsewhere. */
export function sendReads(state: RaftState): void {
  if (!owesReads(state)) return;
  if (state.role === 'leader') {
    state.rounds.open(state.commitIndex);
    broadcastHeartbeat(state);
    serveConfirmedReads(state);
  } else {
    state.messages.push({
      type: 'readIndex',
      from: state.id,
      to: state.leader!,
      term: state.term,
      requestId: state.forwarded.ask(state.ticks),
    });
  }
}

/** Answers the reads of every round that a quorum has confirmed. */
export function serveConfirmedReads(state: RaftState): void {
  const confirmed = state.rounds.takeConfirmed(state.id, state.electorate, ({ from, requestId }, index) => {
    if (from === state.id) state.reads.push({ requestId, index });
    else replyReadIndex(state, from, requestId, index);
  });
  if (confirmed) state.lease.renew(confirmed.sentAtMs, confirmed.silentMs);
}
