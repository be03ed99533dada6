import { assert, type LogIndex, logIndex, type NodeId, type Term, term } from '@tutti/kernel';
import type { Entry, EntryKind, HardState } from '../raft/messages.ts';
import { crc32c } from './crc32c.ts';

/**
 * A record of the log on disk, little-endian, at a multiple of 8:
 *
 *   0 length of the data u32 | 4 checksum u32 | 8 checksum of the record before u32
 *   12 type u8 | 13 entry kind u8 | 14 flags u8 | 15 zero u8
 *   16 batch f64 | 24 index f64 | 32 term f64 | 40 data, padded with zeros
 *
 * The checksum (CRC-32C) covers everything after itself and the place the record was meant for, so a record that
 * the disk put elsewhere is not taken for the one that belongs there. The checksum of the record before makes a
 * chain: nothing can be missing between two records that are both whole.
 */
export const RECORD_HEADER_BYTES = 40;
/** Set on the last record of a batch, which was written and flushed at once. */
const FLAG_BATCH_END = 1;
/** Set on the first record of a batch, so that one that follows damage is known to be there from its beginning. */
const FLAG_BATCH_START = 2;
const FLAGS_MAX = FLAG_BATCH_END | FLAG_BATCH_START;

const TYPE = { entry: 1, hardState: 2, reset: 3, padding: 4 } as const;
const ENTRY_KINDS: readonly EntryKind[] = ['command', 'noop', 'membership'];

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * What a record says: an entry; a hard state; that the log goes on after a snapshot, and forgets what it held (term 0
 * with an index above 0: the term is not known here); or nothing, in the place of what was lost and does not matter.
 */
export type LogRecord =
  | { readonly type: 'entry'; readonly entry: Entry }
  | { readonly type: 'hardState'; readonly hardState: HardState }
  | { readonly type: 'reset'; readonly index: LogIndex; readonly term: Term }
  | { readonly type: 'padding' };

/** A whole record as it was found. */
export interface FoundRecord {
  readonly record: LogRecord;
  readonly batch: number;
  readonly isBatchStart: boolean;
  readonly isBatchEnd: boolean;
  readonly checksum: number;
  readonly previousChecksum: number;
  /** Bytes from this record to the next, padding included. */
  readonly size: number;
}

/** What stands at a place: a record; nothing, where nothing was written; or something that is no whole record. */
export type RecordAt = FoundRecord | 'blank' | 'damaged';

/** Bytes that a record with this much data takes up. */
export const recordSize = (dataBytes: number): number => RECORD_HEADER_BYTES + ((dataBytes + 7) & ~7);

/** Bytes that a record of this takes up. */
export function sizeOf(record: LogRecord): number {
  if (record.type === 'entry') return recordSize(record.entry.data.length);
  if (record.type === 'hardState') return hardStateSize(record.hardState);
  return recordSize(0);
}

/** Bytes that a record of this hard state takes up. */
export const hardStateSize = ({ votedFor }: HardState): number =>
  recordSize(votedFor === undefined ? 0 : encoder.encode(votedFor).length);

const seedOf = (segment: number, offset: number): number => (Math.imul(segment, 0x9e3779b1) ^ offset) >>> 0;

/** The checksum that a record of `segment` has when it starts at `offset` there, and at `at` in `bytes`. */
function checksumOf(bytes: Uint8Array, at: number, length: number, segment: number, offset: number): number {
  const seed = (seedOf(segment, offset) ^ length) >>> 0;
  return crc32c(bytes, seed, at + 8, at + RECORD_HEADER_BYTES + length);
}

/** Writes the records of one batch one after another into a buffer that will stand at `offset` of a segment. */
export class BatchEncoder {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #segment: number;
  readonly #offset: number;
  readonly #batch: number;
  #checksum: number;
  #at = 0;
  #lastAt = 0;

  constructor(sizeBytes: number, segment: number, offset: number, batch: number, previousChecksum: number) {
    this.bytes = new Uint8Array(sizeBytes);
    this.#view = new DataView(this.bytes.buffer);
    this.#segment = segment;
    this.#offset = offset;
    this.#batch = batch;
    this.#checksum = previousChecksum;
  }

  /** Where in the segment the next record goes. */
  get offset(): number {
    return this.#offset + this.#at;
  }

  /** Of the last record; the first of the next batch carries it. */
  get checksum(): number {
    return this.#checksum;
  }

  entry(entry: Entry, isLast: boolean): void {
    const kind = ENTRY_KINDS.indexOf(entry.kind);
    this.#put(TYPE.entry, kind, entry.index, entry.term, entry.data, isLast);
  }

  hardState({ term, votedFor }: HardState, isLast: boolean): void {
    this.#put(TYPE.hardState, 0, 0, term, encoder.encode(votedFor ?? ''), isLast);
  }

  reset(index: LogIndex, term: Term, isLast: boolean): void {
    this.#put(TYPE.reset, 0, index, term, new Uint8Array(0), isLast);
  }

  record(record: LogRecord, isLast: boolean): void {
    if (record.type === 'entry') this.entry(record.entry, isLast);
    else if (record.type === 'hardState') this.hardState(record.hardState, isLast);
    else if (record.type === 'reset') this.reset(record.index, record.term, isLast);
    else this.#put(TYPE.padding, 0, 0, 0, new Uint8Array(0), isLast);
  }

  #put(type: number, kind: number, index: number, term: number, data: Uint8Array, isLast: boolean): void {
    const { bytes } = this;
    const view = this.#view;
    const at = this.#at;
    assert(at + recordSize(data.length) <= bytes.length, 'a batch fits the buffer made for it');
    view.setUint32(at, data.length, true);
    view.setUint32(at + 8, this.#checksum, true);
    bytes[at + 12] = type;
    bytes[at + 13] = kind;
    bytes[at + 14] = (isLast ? FLAG_BATCH_END : 0) | (at === 0 ? FLAG_BATCH_START : 0);
    view.setFloat64(at + 16, this.#batch, true);
    view.setFloat64(at + 24, index, true);
    view.setFloat64(at + 32, term, true);
    bytes.set(data, at + RECORD_HEADER_BYTES);
    this.#checksum = checksumOf(bytes, at, data.length, this.#segment, this.#offset + at);
    view.setUint32(at + 4, this.#checksum, true);
    this.#lastAt = at;
    this.#at += recordSize(data.length);
  }

  /** Whether the buffer is full and its last record ends the batch. */
  get isComplete(): boolean {
    return this.#at === this.bytes.length && (this.bytes[this.#lastAt + 14]! & FLAG_BATCH_END) !== 0;
  }
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * How long the data of a record are whose header stands at `at`; undefined for what cannot be the header of one. Told
 * from the header alone: behind damage every place is looked at, and a checksum over what only looks like a length
 * would read the rest of the segment for each of them.
 */
export function dataLengthAt(bytes: Uint8Array, at: number): number | undefined {
  const type = bytes[at + 12]!;
  if (!(type >= TYPE.entry && type <= TYPE.padding) || bytes[at + 15] !== 0) return undefined;
  if (bytes[at + 13]! >= ENTRY_KINDS.length || bytes[at + 14]! > FLAGS_MAX) return undefined;
  const left = bytes.length - at - RECORD_HEADER_BYTES;
  if (left < 0) return undefined;
  const view = viewOf(bytes);
  const length = view.getUint32(at, true);
  if (length > left || (length > 0 && (type === TYPE.reset || type === TYPE.padding))) return undefined;
  for (const field of [16, 24, 32]) {
    const number = view.getFloat64(at + field, true);
    if (!Number.isSafeInteger(number) || number < 0) return undefined;
  }
  return length;
}

/**
 * Reads the record that starts at `at` in `bytes` and at `offset` in its segment. The entry's data is a view of
 * `bytes`.
 */
export function recordAt(bytes: Uint8Array, at: number, segment: number, offset: number): RecordAt {
  if (at + RECORD_HEADER_BYTES > bytes.length) return isBlank(bytes, at, bytes.length) ? 'blank' : 'damaged';
  const type = bytes[at + 12]!;
  if (type === 0 && isBlank(bytes, at, at + RECORD_HEADER_BYTES)) return 'blank';
  const length = dataLengthAt(bytes, at);
  if (length === undefined) return 'damaged';
  const view = viewOf(bytes);
  const checksum = view.getUint32(at + 4, true);
  if (checksum !== checksumOf(bytes, at, length, segment, offset)) return 'damaged';
  const record = contentsOf(bytes, view, at, type, length);
  if (!record) return 'damaged';
  return {
    record,
    batch: view.getFloat64(at + 16, true),
    isBatchStart: (bytes[at + 14]! & FLAG_BATCH_START) !== 0,
    isBatchEnd: (bytes[at + 14]! & FLAG_BATCH_END) !== 0,
    checksum,
    previousChecksum: view.getUint32(at + 8, true),
    size: recordSize(length),
  };
}

function contentsOf(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  type: number,
  length: number,
): LogRecord | undefined {
  const index = logIndex(view.getFloat64(at + 24, true));
  const recordTerm = term(view.getFloat64(at + 32, true));
  const data = bytes.subarray(at + RECORD_HEADER_BYTES, at + RECORD_HEADER_BYTES + length);
  if (type === TYPE.padding) return { type: 'padding' };
  if (type === TYPE.reset) return { type: 'reset', index, term: recordTerm };
  if (type === TYPE.hardState) {
    const votedFor = length === 0 ? undefined : (decoder.decode(data) as NodeId);
    return { type: 'hardState', hardState: { term: recordTerm, votedFor } };
  }
  const kind = ENTRY_KINDS[bytes[at + 13]!];
  return kind && { type: 'entry', entry: { index, term: recordTerm, kind, data } };
}

/** Whether there are only zeros from `from` to `to`. */
export function isBlank(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false;
  return true;
}
