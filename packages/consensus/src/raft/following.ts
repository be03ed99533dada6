import { assert, type LogIndex, logIndex, type NodeId, term } from '@tutti/kernel';
import { acceptEntries } from './accept-entries.ts';
import { replyHeartbeat } from './heartbeats.ts';
import type { AppendEntries, AppendReply, Heartbeat } from './messages.ts';
import type { RaftState } from './raft-state.ts';
import { becomeFollower } from './roles.ts';

/** Notes a sign of life from the leader of the current term. */
export function hearFromLeader(state: RaftState, leader: NodeId): void {
  assert(state.role !== 'leader', 'a term has one leader (election safety, figure 3)');
  if (state.leader === undefined || state.role !== 'follower') becomeFollower(state, state.term, leader);
  assert(state.leader === leader, 'a term has one leader (election safety, figure 3)');
  state.electionElapsedTicks = 0;
  state.yields = true;
  state.heardAtTick = state.ticks;
}

/** AppendEntries at its receiver (figure 2); the answer waits for the disk, see {@link acknowledge}. */
export function onAppendEntries(state: RaftState, message: AppendEntries): void {
  if (state.installing) return;
  const outcome = acceptEntries(state.log, state.commitIndex, message);
  if (!outcome.accepted) {
    state.messages.push({
      ...appendReply(state, logIndex(0)),
      success: false,
      hintIndex: outcome.hintIndex,
      hintTerm: outcome.hintTerm,
      rejectedIndex: message.prevIndex,
    });
    return;
  }
  if (outcome.verifiedIndex > state.verifiedIndex) state.verifiedIndex = outcome.verifiedIndex;
  if (!isNotice(state, message)) state.ackDue = true;
  // Beyond what this very message verified, the log may still differ from the leader's. As long as a follower lives,
  // the leader's search ends exactly where the logs part, and the first append it takes replaces the rest; but a
  // crash can bring a replaced suffix back from the disk, after the leader was sent further back by a log that was
  // only in memory. The simulator hardly ever meets that; `raft-disk.test.ts` plays it through.
  state.commitTo(Math.min(message.commitIndex, outcome.verifiedIndex));
}

/**
 * Whether an append only says that more is committed, of entries that were acknowledged since the last heartbeat: there
 * is nothing to answer, and an answer to each would double the messages of a group with little to do. A question whether
 * something was lost may look the same, but a leader asks only after a heartbeat.
 */
function isNotice(state: RaftState, { entries, prevIndex, commitIndex }: AppendEntries): boolean {
  if (entries.length > 0 || !state.ackedSinceHeartbeat || prevIndex > state.ackedIndex) return false;
  // What says nothing new about the entries it follows is a question, however far its leader has committed.
  return Math.min(commitIndex, prevIndex) > state.commitIndex;
}

function appendReply(state: RaftState, matchIndex: LogIndex): AppendReply {
  return {
    type: 'appendReply',
    from: state.id,
    to: state.leader!,
    term: state.term,
    success: true,
    matchIndex,
    hintIndex: logIndex(0),
    hintTerm: term(0),
    rejectedIndex: logIndex(0),
  };
}

/** What an acknowledgement may claim now; undefined when none is due, or it waits for the disk. */
export function ackableIndex(state: RaftState): LogIndex | undefined {
  if (!state.ackDue || !state.isHardStateDurable) return undefined;
  const match = logIndex(Math.min(state.verifiedIndex, state.log.durableIndex));
  return match === state.verifiedIndex || match > state.ackedIndex ? match : undefined;
}

/** One acknowledgement for all that was accepted since the last, as far as it is on disk. */
export function acknowledge(state: RaftState): void {
  const match = ackableIndex(state);
  if (match === undefined) return;
  state.messages.push(appendReply(state, match));
  state.ackedIndex = match;
  state.ackedSinceHeartbeat = true;
  state.ackDue = match < state.verifiedIndex;
}

export function onHeartbeat(state: RaftState, message: Heartbeat): void {
  // The leader never announces more than this node has acknowledged to have on disk in this term.
  if (!state.installing) state.commitTo(Math.min(message.commitIndex, state.log.lastIndex));
  state.ackedSinceHeartbeat = false;
  replyHeartbeat(state, message.from, message.readRound);
}
