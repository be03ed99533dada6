import {
  type Lane,
  type LogIndex,
  logIndex,
  type NodeId,
  type Term,
  term,
  unreachable,
  type WireValue,
} from '@tutti/kernel';
import { decodeMembership, encodeMembership } from '../raft/membership-codec.ts';
import type { Entry, EntryKind, RaftMessage, SnapshotMeta } from '../raft/messages.ts';
import type { CommandId } from './command.ts';

/**
 * Messages between replicas, as short arrays whose first item is the kind. The sender's name is not in them: the
 * transport proves it. Entries are flat runs of term, kind and data, and start at prevIndex + 1.
 */
const KIND = {
  requestVote: 1,
  voteReply: 2,
  appendEntries: 3,
  appendReply: 4,
  heartbeat: 5,
  heartbeatReply: 6,
  readIndex: 7,
  readIndexReply: 8,
  installSnapshot: 9,
  installSnapshotReply: 10,
  timeoutNow: 11,
  forward: 20,
  forwardRefused: 21,
} as const;

const ENTRY_KINDS: readonly EntryKind[] = ['command', 'noop', 'membership'];

/** Proposals on their way from the node they were made on to the leader. */
export interface Forward {
  readonly type: 'forward';
  readonly from: NodeId;
  readonly frames: readonly Uint8Array[];
}

/**
 * The leader's word that it has not taken these commands into its log, since it does not have their modules. A node of an
 * earlier version does not know it; there, the time of the call runs out.
 */
export interface ForwardRefused {
  readonly type: 'forwardRefused';
  readonly from: NodeId;
  readonly commands: readonly CommandId[];
}

/** What replicas say to each other of their logs and of commands. */
export type ReplicaMessage = RaftMessage | Forward | ForwardRefused;

export const metaToWire = (meta: SnapshotMeta) => [meta.index, meta.term, encodeMembership(meta.membership)];

export function entriesToWire(entries: readonly Entry[]): WireValue[] {
  const flat: WireValue[] = [];
  for (const entry of entries) flat.push(entry.term, ENTRY_KINDS.indexOf(entry.kind), entry.data);
  return flat;
}

/** What carries much travels in the lane that heartbeats, votes and replies overtake. */
export function laneOf(message: RaftMessage): Lane {
  return message.type === 'appendEntries' || message.type === 'installSnapshot' ? 'bulk' : 'control';
}

export function messageToWire(m: ReplicaMessage): WireValue[] {
  switch (m.type) {
    case 'requestVote':
      return [KIND.requestVote, m.term, m.pre, m.lastIndex, m.lastTerm, m.transfer, ...attemptOf(m)];
    case 'voteReply':
      return [KIND.voteReply, m.term, m.pre, m.campaignTerm, m.granted, ...attemptOf(m)];
    case 'appendEntries':
      return [KIND.appendEntries, m.term, m.prevIndex, m.prevTerm, m.commitIndex, entriesToWire(m.entries)];
    case 'appendReply':
      return [KIND.appendReply, m.term, m.success, m.matchIndex, m.hintIndex, m.hintTerm, m.rejectedIndex];
    case 'heartbeat':
      return [KIND.heartbeat, m.term, m.commitIndex, m.readRound];
    case 'heartbeatReply':
      return [
        KIND.heartbeatReply,
        m.term,
        m.readRound,
        m.lastIndex,
        ...(m.silentMs === undefined ? [] : [m.silentMs]),
      ];
    case 'timeoutNow':
      return [KIND.timeoutNow, m.term];
    case 'readIndex':
      return [KIND.readIndex, m.term, m.requestId];
    case 'readIndexReply':
      return [KIND.readIndexReply, m.term, m.requestId, m.readIndex ?? -1];
    case 'installSnapshot':
      return [
        KIND.installSnapshot,
        m.term,
        metaToWire(m.meta),
        m.offset,
        m.totalBytes,
        m.data,
        m.dataChecksum,
        m.checksum,
      ];
    case 'installSnapshotReply':
      return [
        KIND.installSnapshotReply,
        m.term,
        m.index,
        m.receivedBytes,
        m.installed,
        m.later,
        ...(m.damaged === undefined ? [] : [m.damaged]),
      ];
    case 'forward':
      return [KIND.forward, m.frames];
    case 'forwardRefused':
      return [KIND.forwardRefused, m.commands.flatMap(({ session, sequence }) => [session, sequence])];
    default:
      return unreachable(m);
  }
}

/** The message is not one of ours. Thrown by whatever reads one here; whoever decodes one catches it. */
class Malformed extends Error {}

/** Reads the items of a message in order, each checked; throws at the first that is not what it should be. */
export class Reader {
  readonly #items: readonly unknown[];
  #at = 0;

  constructor(value: unknown) {
    if (!Array.isArray(value)) throw new Malformed();
    this.#items = value;
  }

  get more(): boolean {
    return this.#at < this.#items.length;
  }

  next(): unknown {
    if (!this.more) throw new Malformed();
    return this.#items[this.#at++];
  }

  /** A whole number from `min` up that is exact in a double. */
  whole(min = 0): number {
    const value = this.next();
    if (!Number.isSafeInteger(value) || (value as number) < min) throw new Malformed();
    return value as number;
  }

  index = (): LogIndex => logIndex(this.whole());
  term = (): Term => term(this.whole());

  flag(): boolean {
    const value = this.next();
    if (typeof value !== 'boolean') throw new Malformed();
    return value;
  }

  bytes(): Uint8Array {
    const value = this.next();
    if (!(value instanceof Uint8Array)) throw new Malformed();
    return value;
  }

  reader = (): Reader => new Reader(this.next());
}

export function entriesFrom(reader: Reader, prevIndex: LogIndex): Entry[] {
  const entries: Entry[] = [];
  for (let index = prevIndex + 1; reader.more; index++) {
    const entryTerm = reader.term();
    const kind = ENTRY_KINDS[reader.whole()];
    if (!kind) throw new Malformed();
    const data = reader.bytes();
    // A configuration is judged before it can be in force anywhere; what is wrong with it makes the message malformed.
    if (kind === 'membership') decodeMembership(data);
    entries.push({ index: logIndex(index), term: entryTerm, kind, data });
  }
  return entries;
}

export function metaFrom(reader: Reader): SnapshotMeta {
  return { index: reader.index(), term: reader.term(), membership: decodeMembership(reader.bytes()) };
}

/** Behind what the first version said: a real vote has none, nor has what a node of that version says. */
const attemptOf = ({ attempt }: { readonly attempt?: number }) => (attempt === undefined ? [] : [attempt]);
const attemptFrom = (reader: Reader) => (reader.more ? { attempt: reader.whole() } : {});

function framesFrom(reader: Reader): Uint8Array[] {
  const frames: Uint8Array[] = [];
  while (reader.more) frames.push(reader.bytes());
  return frames;
}

function commandsFrom(reader: Reader): CommandId[] {
  const commands: CommandId[] = [];
  while (reader.more) commands.push({ session: reader.whole(), sequence: reader.whole() });
  return commands;
}

function decode(kind: number, from: NodeId, to: NodeId, r: Reader): ReplicaMessage {
  if (kind === KIND.forward) return { type: 'forward', from, frames: framesFrom(r.reader()) };
  if (kind === KIND.forwardRefused)
    return { type: 'forwardRefused', from, commands: commandsFrom(r.reader()) };
  const head = { from, to, term: r.term() };
  switch (kind) {
    case KIND.requestVote: {
      const log = { pre: r.flag(), lastIndex: r.index(), lastTerm: r.term() };
      return { type: 'requestVote', ...head, ...log, transfer: r.flag(), ...attemptFrom(r) };
    }
    case KIND.voteReply: {
      const said = { pre: r.flag(), campaignTerm: r.term(), granted: r.flag() };
      return { type: 'voteReply', ...head, ...said, ...attemptFrom(r) };
    }
    case KIND.appendEntries: {
      const prev = { prevIndex: r.index(), prevTerm: r.term(), commitIndex: r.index() };
      return { type: 'appendEntries', ...head, ...prev, entries: entriesFrom(r.reader(), prev.prevIndex) };
    }
    case KIND.appendReply: {
      const found = { success: r.flag(), matchIndex: r.index(), hintIndex: r.index(), hintTerm: r.term() };
      return { type: 'appendReply', ...head, ...found, rejectedIndex: r.index() };
    }
    case KIND.heartbeat:
      return { type: 'heartbeat', ...head, commitIndex: r.index(), readRound: r.whole() };
    case KIND.heartbeatReply: {
      const said = { readRound: r.whole(), lastIndex: r.index() };
      return { type: 'heartbeatReply', ...head, ...said, ...(r.more ? { silentMs: r.whole() } : {}) };
    }
    case KIND.timeoutNow:
      return { type: 'timeoutNow', ...head };
    case KIND.readIndex:
      return { type: 'readIndex', ...head, requestId: r.whole() };
    case KIND.readIndexReply: {
      const requestId = r.whole();
      const index = r.whole(-1);
      return {
        type: 'readIndexReply',
        ...head,
        requestId,
        readIndex: index < 0 ? undefined : logIndex(index),
      };
    }
    case KIND.installSnapshot: {
      const meta = metaFrom(r.reader());
      const place = { offset: r.whole(), totalBytes: r.whole(), data: r.bytes() };
      const sums = { dataChecksum: r.whole(), checksum: r.whole() };
      return { type: 'installSnapshot', ...head, meta, ...place, ...sums };
    }
    case KIND.installSnapshotReply:
      return {
        type: 'installSnapshotReply',
        ...head,
        index: r.index(),
        receivedBytes: r.whole(),
        installed: r.flag(),
        later: r.flag(),
        ...(r.more ? { damaged: r.flag() } : {}),
      };
    default:
      throw new Malformed();
  }
}

/** The message that `value` holds; undefined when it is none that this version knows. */
export function messageFromWire(value: WireValue, from: NodeId, to: NodeId): ReplicaMessage | undefined {
  try {
    const reader = new Reader(value);
    return decode(reader.whole(), from, to, reader);
  } catch {
    return undefined;
  }
}
