import { assert, TuttiError } from '@tutti/kernel';
import type { Entry } from '../../raft/messages.ts';
import { recordAt, recordSize } from '../record.ts';
import { type DiskCalls, readWhole } from './disk-calls.ts';
import type { EntryIndex } from './entry-index.ts';
import type { Segment } from './segment.ts';

/** The most bytes that one read from a segment brings. */
const READ_BYTES_MAX = 4 * 1024 * 1024;

/** Reads entries that have left the memory back from their segments, checked. */
export class EntryReader {
  readonly #disk: DiskCalls;
  readonly #index: EntryIndex;
  readonly #segments: () => readonly Segment[];
  readonly #suspect: (segment: Segment) => void;
  #open: { readonly sequence: number; readonly handle: number } | undefined;

  /** @param suspect Told of a segment of which a record could not be read. */
  constructor(
    disk: DiskCalls,
    index: EntryIndex,
    segments: () => readonly Segment[],
    suspect: (segment: Segment) => void,
  ) {
    this.#disk = disk;
    this.#index = index;
    this.#segments = segments;
    this.#suspect = suspect;
  }

  /** @throws TuttiError `TUTTI_STORE_CORRUPT` */
  read(from: number, to: number, maxBytes: number): Entry[] {
    const entries: Entry[] = [];
    let bytes = 0;
    for (let at = from; at <= to; ) {
      const run = this.#readRun(at, to, maxBytes - bytes);
      for (const entry of run) {
        bytes += entry.data.length;
        if (entries.length > 0 && bytes > maxBytes) return entries;
        entries.push(entry);
      }
      at += run.length;
    }
    return entries;
  }

  close(): void {
    if (this.#open) this.#disk.closeSync(this.#open.handle);
    this.#open = undefined;
  }

  /** Entries that stand in one segment, with one read. */
  #readRun(from: number, to: number, maxBytes: number): Entry[] {
    const first = this.#index.placeOf(from);
    let last = first;
    let lastIndex = from;
    const spanMax = Math.min(READ_BYTES_MAX, Math.max(0, maxBytes));
    for (let at = from + 1; at <= to; at++) {
      const place = this.#index.placeOf(at);
      if (place.segment !== first.segment || place.offset - first.offset > spanMax) break;
      last = place;
      lastIndex = at;
    }
    const bytes = new Uint8Array(last.offset - first.offset + recordSize(last.dataBytes));
    const segment = this.#segments().find((candidate) => candidate.sequence === first.segment);
    assert(segment, 'a held entry is in a segment that is there');
    readWhole(this.#disk, this.#handleOf(segment), bytes, first.offset);
    const entries: Entry[] = [];
    for (let index = from; index <= lastIndex; index++) {
      const { offset } = this.#index.placeOf(index);
      const found = recordAt(bytes, offset - first.offset, segment.sequence, offset);
      const record = typeof found === 'string' ? undefined : found.record;
      if (record?.type !== 'entry' || record.entry.index !== index) {
        this.#suspect(segment);
        throw new TuttiError('TUTTI_STORE_CORRUPT', {
          file: segment.path,
          offset,
          problem: `entry ${index} cannot be read back`,
        });
      }
      entries.push(record.entry);
    }
    return entries;
  }

  #handleOf(segment: Segment): number {
    if (this.#open?.sequence === segment.sequence) return this.#open.handle;
    this.close();
    this.#open = { sequence: segment.sequence, handle: this.#disk.openSync(segment.path, 'r') };
    return this.#open.handle;
  }
}
