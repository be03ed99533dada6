import { assert, logIndex, type NodeId } from '@tutti/kernel';
import { ackableIndex, acknowledge } from './following.ts';
import type { Entry, RaftMessage } from './messages.ts';
import { readableEntries } from './raft-log.ts';
import type { RaftState } from './raft-state.ts';
import { owesReads, sendReads } from './read-index.ts';
import type { PersistBatch, Ready } from './ready.ts';
import { NO_REVERSIONS } from './replication.ts';
import { mayInstall, takeInstall } from './snapshots.ts';

const NO_ENTRIES: readonly Entry[] = [];
/** Election timeouts that an entry which is to be applied may be unreadable. */
const UNREADABLE_TIMEOUTS = 40;

/** Whether {@link takeReady} would have something to do. */
export function hasOutputs(state: RaftState): boolean {
  return (
    state.messages.length > 0 ||
    state.replicationDue ||
    state.hardStateDirty ||
    state.log.hasUnwritten ||
    mayHandOut(state) ||
    (state.promises.length > 0 && state.isHardStateDurable) ||
    ackableIndex(state) !== undefined ||
    state.reads.length > 0 ||
    state.lostReads.length > 0 ||
    state.snapshotChunks.length > 0 ||
    mayInstall(state) ||
    owesReads(state)
  );
}

/** Takes out everything that is to be done now. */
export function takeReady(state: RaftState): Ready {
  sendReads(state);
  const snapshotsTo: NodeId[] = [];
  if (state.replication && state.replicationDue) {
    state.replication.fill(state.commitIndex, state.messages, snapshotsTo);
  }
  state.replicationDue = false;
  acknowledge(state);
  const persist = takeBatch(state);
  const promises = takePromises(state, persist);
  const { messages, reads, lostReads, snapshotChunks } = state;
  if (!persist) messages.push(...promises);
  state.messages = [];
  state.reads = [];
  state.lostReads = [];
  state.snapshotChunks = [];
  return {
    messages,
    persist,
    afterPersist: persist ? promises : [],
    committed: takeCommitted(state),
    reads,
    lostReads,
    snapshotsTo,
    snapshotChunks,
    install: takeInstall(state),
    reversions: state.replication?.takeReversions() ?? NO_REVERSIONS,
  };
}

function takeBatch(state: RaftState): PersistBatch | undefined {
  if (!state.hardStateDirty && !state.log.hasUnwritten) return undefined;
  const sequence = ++state.sequence;
  const hardState = state.hardStateDirty ? { term: state.term, votedFor: state.votedFor } : undefined;
  if (hardState) state.hardStateSequence = sequence;
  state.hardStateDirty = false;
  return { sequence, hardState, entries: state.log.handOut(sequence) };
}

/** Promises leave with the batch that makes them true; without one, only if what they speak of is on disk. */
function takePromises(state: RaftState, persist: PersistBatch | undefined): readonly RaftMessage[] {
  if (!persist && !state.isHardStateDurable) return [];
  const { promises } = state;
  state.promises = [];
  return promises;
}

function mayHandOut(state: RaftState): boolean {
  if (state.handedIndex >= state.commitIndex || state.installing || !state.applying.hasRoom) return false;
  return state.unreadable?.atTick !== state.ticks;
}

function takeCommitted(state: RaftState): readonly Entry[] {
  if (!mayHandOut(state)) return NO_ENTRIES;
  const entries = readCommitted(state);
  if (entries.length === 0) return NO_ENTRIES;
  state.handedIndex = entries.at(-1)!.index;
  state.applying.handed(entries);
  if (state.role === 'leader') {
    for (const entry of entries) {
      if (entry.term === state.term) state.uncommittedBytes -= entry.data.length;
    }
  }
  return entries;
}

/**
 * The next entries to apply. One that has decayed on this node's disk is mended from peers while the node runs, and is
 * waited for, a look in each tick. After too long the failure is what it would have been at once: the next life finds
 * the damage, and may be given a snapshot instead.
 */
function readCommitted(state: RaftState): readonly Entry[] {
  const { log, commitIndex, config, ticks, unreadable } = state;
  const from = logIndex(state.handedIndex + 1);
  const sinceTick = unreadable?.sinceTick ?? ticks;
  const isOverdue = ticks - sinceTick >= UNREADABLE_TIMEOUTS * config.electionTimeoutTicks;
  const entries = isOverdue
    ? log.entries(from, commitIndex, config.applyBytesMax)
    : readableEntries(log, from, commitIndex, config.applyBytesMax);
  assert(entries.length > 0 || !isOverdue, 'committed entries are there to be applied');
  state.unreadable = entries.length > 0 ? undefined : { sinceTick, atTick: ticks };
  return entries;
}
