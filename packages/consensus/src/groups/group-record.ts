import { assert, logIndex, type NodeId, type Term, TuttiError, term } from '@tutti/kernel';
import type { Entry, EntryKind, HardState } from '../raft/messages.ts';
import type { LostRange } from '../storage/store-damage.ts';

/**
 * What one group writes at once, as one entry of the log that all groups share, little-endian:
 *
 *   0 kind u8 | 1 flags u8 | 2 length of the group's name u16 | 4 number of entries u32
 *   8 base f64 | 16 term of base f64 | the name
 *   then, if the flags say so, the record of this group before this one: f64
 *   then, if the flags say so, the hard state: term f64 | length of the vote u16 | the vote
 *   then, if the flags say so, what it makes up for: last f64 | number of ranges u32 | from f64, to f64 of each
 *   then for each entry: index f64 | term f64 | kind u8 | length u32 | data
 *
 * `base` is the entry up to which the group had dropped its log by then.
 */
const HEAD_BYTES = 24;
const HARD_STATE_BYTES = 10;
const PREVIOUS_BYTES = 8;
const MENDS_BYTES = 12;
const RANGE_BYTES = 16;
const ENTRY_BYTES = 21;
const FLAG_HARD_STATE = 1;
const FLAG_PREVIOUS = 2;
const FLAG_END_LOST = 4;
const FLAG_HARD_STATE_LOST = 8;
const FLAG_WHOLE = 16;
const FLAG_MENDS = 32;
const ENTRY_KINDS: readonly EntryKind[] = ['command', 'noop', 'membership'];

/**
 * - `write`: entries, of which the first replaces what stands there and everything after it.
 * - `kept`: entries that were written before and are still there, written again so that older ones can be dropped.
 * - `reset`: the log goes on after `base`, and forgets what it held.
 * - `lost`: in the place of a record that cannot be read any more: of the group that it names, or where it names none, of
 *   one that nobody knows; with base 1 in no place, only to tell that there were such records.
 */
export type RecordKind = 'write' | 'kept' | 'reset' | 'lost';
const KINDS: readonly RecordKind[] = ['write', 'kept', 'reset', 'lost'];

/** What a group has forgotten: the end of its log, and perhaps its term and vote. */
export interface GroupLoss {
  readonly hardStateLost: boolean;
}

/** What a record makes up for: records of its group that could not be read any more while the group was in use. */
export interface MendedRecords {
  /** The group's last entry then. What its earlier records have behind that had been replaced. */
  readonly last: number;
  /** The places of the records in the shared log, in no order; records of other groups may have stood there as well. */
  readonly places: readonly LostRange[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What stands in a record of one entry, and where. */
export interface RecordRow {
  readonly index: number;
  readonly term: number;
  /** Of the data, from the start of the record. */
  readonly offset: number;
  readonly length: number;
}

export interface GroupRecord {
  readonly kind: RecordKind;
  readonly group: string;
  readonly base: number;
  readonly baseTerm: Term;
  readonly hardState: HardState | undefined;
  /** The record of this group before this one, by its index in the shared log; 0 for none, undefined if it is not said. */
  readonly previous?: number | undefined;
  /** From this record on the group knows that it has forgotten something, until a record says that it is `whole`. */
  readonly loss?: GroupLoss | undefined;
  readonly isWhole?: boolean;
  readonly mends?: MendedRecords | undefined;
}

/** In the place of a record that cannot be read any more. */
export const LOST_RECORD: GroupRecord = {
  kind: 'lost',
  group: '',
  base: 0,
  baseTerm: term(0),
  hardState: undefined,
};

/** The same of a record that is known to have been a group's. */
export const lostRecordOf = (group: string): GroupRecord => ({ ...LOST_RECORD, group });

/** Tells of lost records that the log has dropped since: a group of which nothing is left may have had some. */
export const FORGOTTEN_RECORDS: GroupRecord = { ...LOST_RECORD, base: 1 };

function flagsOf({ hardState, previous, loss, isWhole, mends }: GroupRecord): number {
  let flags = hardState ? FLAG_HARD_STATE : 0;
  if (mends) flags |= FLAG_MENDS;
  if (previous !== undefined) flags |= FLAG_PREVIOUS;
  if (loss) flags |= loss.hardStateLost ? FLAG_END_LOST | FLAG_HARD_STATE_LOST : FLAG_END_LOST;
  return isWhole ? flags | FLAG_WHOLE : flags;
}

/** The record, and where its entries stand. */
export interface EncodedRecord {
  readonly record: GroupRecord;
  readonly data: Uint8Array;
  readonly rows: readonly RecordRow[];
}

export function encodeRecord(record: GroupRecord, entries: readonly Entry[]): EncodedRecord {
  const name = encoder.encode(record.group);
  const vote = encoder.encode(record.hardState?.votedFor ?? '');
  let size = HEAD_BYTES + name.length + (record.hardState ? HARD_STATE_BYTES + vote.length : 0);
  if (record.previous !== undefined) size += PREVIOUS_BYTES;
  if (record.mends) size += MENDS_BYTES + RANGE_BYTES * record.mends.places.length;
  for (const { data } of entries) size += ENTRY_BYTES + data.length;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  bytes[0] = KINDS.indexOf(record.kind);
  bytes[1] = flagsOf(record);
  view.setUint16(2, name.length, true);
  view.setUint32(4, entries.length, true);
  view.setFloat64(8, record.base, true);
  view.setFloat64(16, record.baseTerm, true);
  bytes.set(name, HEAD_BYTES);
  let at = HEAD_BYTES + name.length;
  if (record.previous !== undefined) {
    view.setFloat64(at, record.previous, true);
    at += PREVIOUS_BYTES;
  }
  if (record.hardState) {
    view.setFloat64(at, record.hardState.term, true);
    view.setUint16(at + 8, vote.length, true);
    bytes.set(vote, at + HARD_STATE_BYTES);
    at += HARD_STATE_BYTES + vote.length;
  }
  if (record.mends) at = putMends(view, at, record.mends);
  const rows: RecordRow[] = [];
  for (const entry of entries) {
    view.setFloat64(at, entry.index, true);
    view.setFloat64(at + 8, entry.term, true);
    bytes[at + 16] = ENTRY_KINDS.indexOf(entry.kind);
    view.setUint32(at + 17, entry.data.length, true);
    at += ENTRY_BYTES;
    bytes.set(entry.data, at);
    rows.push({ index: entry.index, term: entry.term, offset: at, length: entry.data.length });
    at += entry.data.length;
  }
  assert(at === size, 'a record has the size that was reckoned');
  return { record, data: bytes, rows };
}

/** @returns where it ends */
function putMends(view: DataView, from: number, { last, places }: MendedRecords): number {
  view.setFloat64(from, last, true);
  view.setUint32(from + 8, places.length, true);
  let at = from + MENDS_BYTES;
  for (const place of places) {
    view.setFloat64(at, place.from, true);
    view.setFloat64(at + 8, place.to, true);
    at += RANGE_BYTES;
  }
  return at;
}

/** What stands at `from`, and where it ends. */
function mendsAt(view: DataView, from: number): { readonly mends: MendedRecords; readonly end: number } {
  const places: LostRange[] = [];
  let at = from + MENDS_BYTES;
  for (let left = view.getUint32(from + 8, true); left > 0; left--) {
    const [first, last] = [view.getFloat64(at, true), view.getFloat64(at + 8, true)];
    places.push({ from: logIndex(first), to: logIndex(last) });
    at += RANGE_BYTES;
  }
  return { mends: { last: view.getFloat64(from, true), places }, end: at };
}

/** @throws TuttiError `TUTTI_CODEC_INVALID` */
export function decodeRecord(data: Uint8Array): GroupRecord & { readonly rows: readonly RecordRow[] } {
  try {
    return decode(data);
  } catch (thrown) {
    throw new TuttiError('TUTTI_CODEC_INVALID', { problem: 'a record of the shared log' }, { cause: thrown });
  }
}

function decode(data: Uint8Array): GroupRecord & { readonly rows: readonly RecordRow[] } {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const kind = KINDS[view.getUint8(0)];
  assert(kind, 'the kind of a record is known');
  const nameBytes = view.getUint16(2, true);
  let at = HEAD_BYTES + nameBytes;
  const group = decoder.decode(data.subarray(HEAD_BYTES, at));
  const flags = view.getUint8(1);
  let previous: number | undefined;
  if (flags & FLAG_PREVIOUS) {
    previous = view.getFloat64(at, true);
    at += PREVIOUS_BYTES;
  }
  let hardState: HardState | undefined;
  if (flags & FLAG_HARD_STATE) {
    const voteBytes = view.getUint16(at + 8, true);
    const vote = decoder.decode(data.subarray(at + HARD_STATE_BYTES, at + HARD_STATE_BYTES + voteBytes));
    hardState = {
      term: term(view.getFloat64(at, true)),
      votedFor: vote === '' ? undefined : (vote as NodeId),
    };
    at += HARD_STATE_BYTES + voteBytes;
  }
  let mends: MendedRecords | undefined;
  if (flags & FLAG_MENDS) ({ mends, end: at } = mendsAt(view, at));
  const rows: RecordRow[] = [];
  for (let left = view.getUint32(4, true); left > 0; left--) {
    const length = view.getUint32(at + 17, true);
    const offset = at + ENTRY_BYTES;
    rows.push({ index: view.getFloat64(at, true), term: view.getFloat64(at + 8, true), offset, length });
    at = offset + length;
  }
  assert(at === data.length, 'a record ends with its last entry');
  const baseTerm = term(view.getFloat64(16, true));
  const loss = flags & FLAG_END_LOST ? { hardStateLost: (flags & FLAG_HARD_STATE_LOST) !== 0 } : undefined;
  const base = view.getFloat64(8, true);
  return {
    kind,
    group,
    base,
    baseTerm,
    hardState,
    previous,
    loss,
    isWhole: (flags & FLAG_WHOLE) !== 0,
    mends,
    rows,
  };
}

/** An entry that stands in a record. Its data is a view of the record. */
export function entryAt(record: Uint8Array, { index, term: entryTerm, offset, length }: RecordRow): Entry {
  const kind = ENTRY_KINDS[record[offset - 5]!];
  assert(kind, 'the kind of an entry is known');
  const data = record.subarray(offset, offset + length);
  return { index: logIndex(index), term: term(entryTerm), kind, data };
}
