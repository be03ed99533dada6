import { type LogIndex, logIndex, type NodeId, term, type WireValue } from '@tutti/kernel';
import { decodeMembership, encodeMembership } from '../raft/membership-codec.ts';
import {
  NO_TERM,
  type RepairChunk,
  type RepairMessage,
  type RepairReply,
  type RepairRequest,
} from '../raft/repair.ts';
import { entriesFrom, entriesToWire, metaFrom, metaToWire, Reader } from './wire.ts';

/** Kinds beside those of `wire.ts`. */
const KIND = { request: 30, reply: 31 } as const;
const WANTS: readonly RepairRequest['wants'][] = ['entries', 'end', 'snapshot'];
const OUTCOMES: readonly RepairReply['outcome'][] = ['entries', 'diverged', 'compacted', 'unknown', 'chunk'];

const chunkToWire = (chunk: RepairChunk): WireValue[] => [
  metaToWire(chunk.meta),
  chunk.totalBytes,
  chunk.checksum,
  chunk.offset,
  chunk.data,
];

export function repairToWire(m: RepairMessage): WireValue[] {
  if (m.type === 'repairRequest') {
    const place = [m.prevIndex, m.prevTerm, m.nextIndex, m.nextTerm, m.offset];
    return [KIND.request, m.id, WANTS.indexOf(m.wants), ...place, m.fence, m.term];
  }
  return [
    KIND.reply,
    m.id,
    m.term ?? -1,
    m.leads,
    OUTCOMES.indexOf(m.outcome),
    m.prevIndex,
    entriesToWire(m.entries),
    m.checksum,
    m.hintIndex,
    m.lastIndex,
    m.chunk ? chunkToWire(m.chunk) : [],
    m.commitIndex,
    ...(m.membership ? [encodeMembership(m.membership)] : []),
  ];
}

/** Whether this is a message about repair, if perhaps not a well-formed one. */
export const isRepair = (value: WireValue): boolean =>
  Array.isArray(value) && (value[0] === KIND.request || value[0] === KIND.reply);

/** The message that `value` holds; undefined when it is none. */
export function repairFromWire(value: WireValue, from: NodeId, to: NodeId): RepairMessage | undefined {
  try {
    const reader = new Reader(value);
    return reader.whole() === KIND.request ? requestFrom(reader, from, to) : replyFrom(reader, from, to);
  } catch {
    return undefined;
  }
}

function requestFrom(r: Reader, from: NodeId, to: NodeId): RepairRequest | undefined {
  const id = r.whole();
  const wants = WANTS[r.whole()];
  const place = { prevIndex: r.index(), prevTerm: r.term(), nextIndex: r.index(), nextTerm: r.term() };
  const offset = r.whole();
  const fence = laterIndex(r);
  const inTerm = r.more ? r.term() : NO_TERM;
  return wants && { type: 'repairRequest', from, to, id, wants, ...place, offset, fence, term: inTerm };
}

function replyFrom(r: Reader, from: NodeId, to: NodeId): RepairReply | undefined {
  const id = r.whole();
  const found = r.whole(-1);
  const leads = r.flag();
  const outcome = OUTCOMES[r.whole()];
  const prevIndex = r.index();
  const entries = entriesFrom(r.reader(), prevIndex);
  const rest = { checksum: r.whole(), hintIndex: r.index(), lastIndex: r.index() };
  const chunk = chunkFrom(r.reader());
  const commitIndex = laterIndex(r);
  const membership = r.more ? decodeMembership(r.bytes()) : undefined;
  if (!outcome) return undefined;
  const answered = found < 0 ? undefined : term(found);
  return {
    type: 'repairReply',
    from,
    to,
    id,
    term: answered,
    leads,
    outcome,
    prevIndex,
    entries,
    ...rest,
    chunk,
    commitIndex,
    membership,
  };
}

/** What a peer of an earlier version does not say: then it asks for nothing, and knows of nothing. */
const laterIndex = (r: Reader): LogIndex => (r.more ? r.index() : logIndex(0));

function chunkFrom(r: Reader): RepairChunk | undefined {
  if (!r.more) return undefined;
  const meta = metaFrom(r.reader());
  return { meta, totalBytes: r.whole(), checksum: r.whole(), offset: r.whole(), data: r.bytes() };
}
