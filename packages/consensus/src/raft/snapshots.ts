import { assert, type LogIndex, type NodeId } from '@tutti/kernel';
import { commitByQuorum } from './leading.ts';
import type { InstallSnapshot, InstallSnapshotReply, SnapshotMeta } from './messages.ts';
import type { RaftState } from './raft-state.ts';
import { becomeFollower } from './roles.ts';

/** InstallSnapshot at its receiver (figure 13): the chunk goes to the driver, or the transfer is answered as done. */
export function onInstallSnapshot(state: RaftState, message: InstallSnapshot): void {
  const { meta } = message;
  if (state.installing) return;
  if (!wants(state, meta)) replyInstalled(state, meta);
  else state.snapshotChunks.push(message);
}

/**
 * Whether only the snapshot can bring its state here. A log that has the snapshot's last entry keeps it and all
 * that follows, and only learns that it is committed; going back is never right.
 */
function wants(state: RaftState, meta: SnapshotMeta): boolean {
  if (meta.index <= state.commitIndex) return false;
  if (!state.log.matches(meta.index, meta.term)) return true;
  state.commitTo(meta.index);
  if (meta.index > state.verifiedIndex) state.verifiedIndex = meta.index;
  return false;
}

/** Ends a transfer, once what it was to bring is on this node's disk. */
function replyInstalled(state: RaftState, meta: SnapshotMeta): void {
  if (state.leader === undefined) return;
  state.ackDue = true;
  if (state.log.durableIndex < meta.index) return;
  state.messages.push({
    type: 'installSnapshotReply',
    from: state.id,
    to: state.leader,
    term: state.term,
    index: meta.index,
    receivedBytes: 0,
    installed: true,
    later: false,
  });
}

/** A whole snapshot is in the store: it is to be installed if it is still ahead of this node. */
export function takeSnapshot(state: RaftState, meta: SnapshotMeta): void {
  if (state.installing) return;
  if (state.role === 'leader') return;
  // What the snapshot shows to be committed may leave a candidate without a vote, or without the log it stands on.
  if (state.role !== 'follower') becomeFollower(state, state.term, undefined);
  if (!wants(state, meta)) return replyInstalled(state, meta);
  state.installing = meta;
  state.installHanded = false;
}

/** A snapshot replaces the log only when nothing is being written to it. */
export function mayInstall(state: RaftState): boolean {
  return state.installing !== undefined && !state.installHanded && state.log.isQuiet;
}

export function takeInstall(state: RaftState): SnapshotMeta | undefined {
  if (!mayInstall(state)) return undefined;
  state.installHanded = true;
  return state.installing;
}

/** State machine and log are the snapshot's now. */
export function startFromSnapshot(state: RaftState, meta: SnapshotMeta): void {
  assert(state.installing?.index === meta.index, 'the snapshot that was handed out was installed');
  assert(meta.index > state.commitIndex, 'a snapshot never takes a node back');
  state.installing = undefined;
  state.log.reset(meta);
  state.commitIndex = meta.index;
  state.handedIndex = meta.index;
  state.appliedIndex = meta.index;
  state.applying.applied(meta.index);
  state.verifiedIndex = meta.index;
  replyInstalled(state, meta);
}

export function onInstallSnapshotReply(state: RaftState, message: InstallSnapshotReply): void {
  const progress = state.replication?.peer(message.from);
  if (!progress) return;
  progress.active = true;
  if (message.installed) peerInstalled(state, message.from, message.index);
}

/** The transfer to `peer` ended; entries follow, or it is found out again what the peer needs. */
export function transferEnded(state: RaftState, peer: NodeId, meta: SnapshotMeta, ok: boolean): void {
  if (!state.replication) return;
  state.replicationDue = true;
  if (ok) peerInstalled(state, peer, meta.index);
  else state.replication.snapshotFailed(peer);
}

function peerInstalled(state: RaftState, peer: NodeId, index: LogIndex): void {
  state.replicationDue = true;
  if (state.replication?.installed(peer, index)) commitByQuorum(state);
}
