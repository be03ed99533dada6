import { type LogIndex, TuttiError } from '@tutti/kernel';
import { append } from './appending.ts';
import { CatchUp } from './catch-up.ts';
import { broadcastHeartbeat } from './heartbeats.ts';
import type { AppendReply, HeartbeatReply } from './messages.ts';
import type { RaftState } from './raft-state.ts';
import { serveConfirmedReads } from './read-index.ts';
import { ReadRounds } from './read-rounds.ts';
import { continueChange } from './reconfiguring.ts';
import { Replication } from './replication.ts';
import { becomeFollower, enterRole } from './roles.ts';
import { tellTarget, tickTransfer } from './transfer.ts';

const NO_DATA = new Uint8Array(0);

/** Takes up the lead of the term that this node was elected for (5.2). */
export function becomeLeader(state: RaftState): void {
  enterRole(state, 'leader', state.id);
  state.electionElapsedTicks = 0;
  state.heartbeatElapsedTicks = 0;
  state.replication = new Replication({
    self: state.id,
    term: state.term,
    electorate: () => state.electorate,
    log: state.log,
    config: state.config,
    ticks: () => state.ticks,
  });
  state.rounds = new ReadRounds(state.config.readsMax);
  state.uncommittedBytes = 0;
  state.catchUp = new CatchUp(
    state.config.electionTimeoutTicks,
    state.electorate.membership.learners,
    state.ticks,
  );
  state.staged = undefined;
  // An entry of the own term, so that what is left of earlier terms can commit (5.4.2, thesis 6.4).
  append(state, 'noop', NO_DATA);
}

/** One tick of a leader: it steps down if no quorum answers any more, and gives signs of life. */
export function tickLeader(state: RaftState): void {
  // It led although its disk is sick, as the only voter; a committed change has brought others that can.
  if (!state.mayLead) return becomeFollower(state, state.term, undefined);
  if (state.electionElapsedTicks >= state.config.electionTimeoutTicks) {
    state.electionElapsedTicks = 0;
    const alive = state.replication!.takeQuorumActivity();
    if (state.config.checkQuorum && !alive) {
      becomeFollower(state, state.term, undefined);
      return;
    }
  }
  tickTransfer(state);
  state.replication!.forgetGone(state.commitIndex, state.ticks);
  continueChange(state);
  // It may have been the last act of a leader that is no member any more.
  if (state.role !== 'leader') return;
  if (++state.heartbeatElapsedTicks >= state.config.heartbeatTicks) broadcastHeartbeat(state);
}

/** Appends a command, unless that would break a limit; the caller has seen that this node leads. */
export function proposeCommand(state: RaftState, data: Uint8Array): LogIndex {
  // What is appended now would have to reach the target first, and so on without an end (3.10).
  if (state.transfer) throw new TuttiError('TUTTI_LEADERSHIP_MOVING', { target: state.transfer.target });
  const { proposalBytesMax, uncommittedBytesMax } = state.config;
  if (data.length > proposalBytesMax) {
    throw new TuttiError('TUTTI_PROPOSAL_TOO_LARGE', { bytes: data.length, limitBytes: proposalBytesMax });
  }
  if (state.uncommittedBytes + data.length > uncommittedBytesMax) {
    throw new TuttiError('TUTTI_OVERLOADED', {
      what: 'The log of entries that are not committed yet (bytes)',
      size: state.uncommittedBytes,
      limit: uncommittedBytesMax,
    });
  }
  return append(state, 'command', data);
}

export function onAppendReply(state: RaftState, message: AppendReply): void {
  if (!state.replication) return;
  state.replicationDue = true;
  if (!state.replication.replied(message)) return;
  commitByQuorum(state);
  if (!state.replication) return;
  if (message.from === state.transfer?.target) tellTarget(state);
}

export function onHeartbeatReply(state: RaftState, message: HeartbeatReply): void {
  if (!state.replication?.peer(message.from)) return;
  state.replication.heartbeatReplied(message.from, message.lastIndex);
  state.replicationDue = true;
  // An earlier version does not say how long it keeps silent: it is taken to have this node's numbers.
  state.rounds.answered(message.from, message.readRound, message.silentMs ?? state.config.leaseMs);
  serveConfirmedReads(state);
}

/** Commits what a quorum of disks holds by now; nothing happens at a node that does not lead. */
export function commitByQuorum(state: RaftState): void {
  const index = state.replication?.committable() ?? 0;
  if (index <= state.commitIndex) return;
  state.commitTo(index);
  state.replicationDue = true;
  continueChange(state);
}
