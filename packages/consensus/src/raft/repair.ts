import { type LogIndex, logIndex, type NodeId, type Term, term } from '@tutti/kernel';
import { crc32c } from '../storage/crc32c.ts';
import type { Entry, Membership, SnapshotMeta } from './messages.ts';
import { type RaftLog, readableEntries } from './raft-log.ts';

/**
 * What a node with a damaged store asks its peers, and what they may answer. The rules are in
 * `docs/adr/0009-repair-from-peers.md`; in short:
 *
 * - A peer that holds the entry after a hole, under its term, has the very entries that were in the hole before it (Log
 *   Matching, Raft figure 3). So anybody may answer, and needs to lead nobody.
 * - A snapshot is of committed entries alone, so anybody's will do.
 * - How the log went on where its end is lost only a leader can tell, and only one whose term is no lower than any that
 *   the asking node took part in: then every entry that it had acknowledged and that was committed is in that log
 *   (leader completeness), and whatever the leader itself has sent is too. A node that has forgotten its terms has the
 *   leader commit an entry first that is younger than the question, see `RepairFence`.
 */
export interface RepairRequest {
  readonly type: 'repairRequest';
  readonly from: NodeId;
  readonly to: NodeId;
  /**
   * Comes back in the answer. The same question may go to several peers, and again, under one id; another question has
   * another, in another life of the asking node too.
   */
  readonly id: number;
  readonly wants: 'entries' | 'end' | 'snapshot';
  /** The last entry that the asking node has before what it lacks. */
  readonly prevIndex: LogIndex;
  readonly prevTerm: Term;
  /**
   * `entries`: the first whole entry after the hole; with term 0, the asking node knows the terms of what it asks for,
   * and looks at the answer itself. `snapshot`: the least index that is of use, and no term.
   */
  readonly nextIndex: LogIndex;
  readonly nextTerm: Term;
  /** `snapshot`: from which byte on. */
  readonly offset: number;
  /** A leader whose log ends just before this puts an entry there, see `RepairFence`. 0: nothing is asked for. */
  readonly fence: LogIndex;
  /**
   * The term the asking node is in: below it there is no leader that it may follow, nor one whose word it may take for
   * what was never agreed, so a member that is in a lower one goes on to it. 0: it has forgotten, or needs no leader.
   */
  readonly term: Term;
}

/** A piece of a snapshot. */
export interface RepairChunk {
  readonly meta: SnapshotMeta;
  readonly totalBytes: number;
  /** CRC-32C of the whole. */
  readonly checksum: number;
  readonly offset: number;
  readonly data: Uint8Array;
}

export interface RepairReply {
  readonly type: 'repairReply';
  readonly from: NodeId;
  readonly to: NodeId;
  readonly id: number;
  /** The term the answering node is in; undefined if it has itself forgotten which it may have been in. */
  readonly term: Term | undefined;
  readonly leads: boolean;
  /**
   * - `entries`: those after `prevIndex`, as many as fit a message.
   * - `diverged`: the entry at `prevIndex` is another; the logs can agree up to `hintIndex`.
   * - `compacted`: a snapshot has taken the place of what is asked for.
   * - `unknown`: cannot say.
   * - `chunk`: a piece of the snapshot.
   */
  readonly outcome: 'entries' | 'diverged' | 'compacted' | 'unknown' | 'chunk';
  readonly prevIndex: LogIndex;
  readonly entries: readonly Entry[];
  /** CRC-32C over the entries. */
  readonly checksum: number;
  readonly hintIndex: LogIndex;
  /** The last entry of the answering node. */
  readonly lastIndex: LogIndex;
  readonly chunk: RepairChunk | undefined;
  /** What the answering node knows to be committed. */
  readonly commitIndex: LogIndex;
  /** The configuration in force there, so that the asking node knows whom else to ask; undefined if that is not known. */
  readonly membership: Membership | undefined;
}

export type RepairMessage = RepairRequest | RepairReply;

/** What a node can answer from. */
export interface RepairSource {
  readonly id: NodeId;
  readonly term: Term | undefined;
  readonly leads: boolean;
  readonly commitIndex: LogIndex;
  readonly membership: Membership | undefined;
  readonly log: RaftLog;
}

const NOTHING: readonly Entry[] = [];
/** The least term, for where none is known. */
export const NO_TERM: Term = term(0);

/** Over everything that an entry says. */
function checksumOfEntries(entries: readonly Entry[]): number {
  let checksum = 0;
  const head = new Float64Array(2);
  const bytes = new Uint8Array(head.buffer);
  for (const entry of entries) {
    head[0] = entry.index;
    head[1] = entry.term;
    checksum = crc32c(entry.data, crc32c(bytes, checksum));
  }
  return checksum;
}

/** Answers what does not need a snapshot to be read; a wanted snapshot that is there is left to the caller. */
export function answerRepair(source: RepairSource, request: RepairRequest, bytesMax: number): RepairReply {
  const { log } = source;
  const reply = (part: Partial<RepairReply>): RepairReply => ({
    type: 'repairReply',
    from: source.id,
    to: request.from,
    id: request.id,
    term: source.term,
    leads: source.leads,
    outcome: 'unknown',
    prevIndex: request.prevIndex,
    entries: NOTHING,
    checksum: 0,
    hintIndex: logIndex(0),
    lastIndex: log.lastIndex,
    chunk: undefined,
    commitIndex: source.commitIndex,
    membership: source.membership,
    ...part,
  });
  if (request.wants === 'snapshot') return reply({});
  const { prevIndex, prevTerm, nextIndex, nextTerm } = request;
  const until = request.wants === 'end' ? log.lastIndex : logIndex(nextIndex - 1);
  if (request.wants === 'end' && !source.leads) return reply({});
  if (request.wants === 'entries') {
    const covered = log.snapshot()?.meta.index ?? 0;
    if (nextIndex < log.firstIndex) return reply({ outcome: covered >= until ? 'compacted' : 'unknown' });
    if (nextTerm !== NO_TERM && log.termAt(nextIndex) !== nextTerm) return reply({});
  }
  if (prevIndex + 1 < log.firstIndex) return reply({ outcome: 'compacted' });
  const isJudgedThere = request.wants === 'entries' && nextTerm === NO_TERM;
  if (!isJudgedThere && log.termAt(prevIndex) !== prevTerm)
    return reply({ outcome: 'diverged', hintIndex: agreeable(log, prevIndex, prevTerm) });
  if (prevIndex >= until) return reply({ outcome: 'entries' });
  const from = logIndex(prevIndex + 1);
  const to = logIndex(Math.min(until, log.lastIndex));
  // What has decayed here as well is not given: somebody else may have it.
  const entries = from > to ? NOTHING : readableEntries(log, from, to, bytesMax);
  if (entries.length === 0) return reply({});
  return reply({ outcome: 'entries', entries, checksum: checksumOfEntries(entries) });
}

/** The last place at or before `index` where a log can hold an entry of a term no later than `limit` (Raft 5.3). */
export function agreeable(log: Pick<RaftLog, 'lastIndex' | 'termAt'>, index: number, limit: Term): LogIndex {
  let at = Math.min(index, log.lastIndex);
  for (; at > 0; at--) {
    const found = log.termAt(logIndex(at));
    if (found !== undefined && found <= limit) break;
  }
  return logIndex(at);
}

/**
 * Whether an answer may be believed: it continues where it was asked to, without a gap, terms do not fall and are none
 * that could not stand there, and nothing changed on the way.
 */
export function isSound(reply: RepairReply, request: RepairRequest): boolean {
  if (reply.id !== request.id || reply.from !== request.to || reply.prevIndex !== request.prevIndex)
    return false;
  if (reply.checksum !== checksumOfEntries(reply.entries)) return false;
  let last: Term = request.prevTerm;
  let index: number = request.prevIndex;
  for (const entry of reply.entries) {
    if (entry.index !== ++index || entry.term < last) return false;
    last = entry.term;
  }
  return (
    request.wants !== 'entries' ||
    ((request.nextTerm === NO_TERM || last <= request.nextTerm) && index < request.nextIndex) ||
    reply.entries.length === 0
  );
}
