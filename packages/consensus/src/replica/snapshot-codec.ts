import { TuttiError, type ValueCodec, type WireValue } from '@tutti/kernel';
import type { SnapshotMeta } from '../raft/messages.ts';
import type { CapturedState, StateRestorer } from './module-host.ts';
import type { SessionRow } from './session-table.ts';

/** The format of a snapshot's contents; another number is another layout. */
const SNAPSHOT_VERSION = 2;

/**
 * A snapshot is a run of values, each as a length (u32) and its encoding: a header, one value per session, then for
 * each module its name and its parts, and a trailer that says how many values came before it.
 */
type SnapshotValue =
  | {
      readonly snapshot: number;
      readonly meta: SnapshotMeta;
      readonly timeMs: number;
      readonly appliedBytes: number;
    }
  | { readonly session: SessionRow }
  | { readonly module: string }
  | { readonly part: WireValue }
  | { readonly end: number };

function* valuesOf(state: CapturedState, meta: SnapshotMeta): Generator<SnapshotValue> {
  const { timeMs, appliedBytes } = state;
  yield { snapshot: SNAPSHOT_VERSION, meta, timeMs, appliedBytes };
  for (const session of state.sessions) yield { session };
  for (const { name, parts } of state.modules) {
    yield { module: name };
    for (const part of parts) yield { part };
  }
}

/**
 * The snapshot's bytes in chunks of about `chunkBytes`, each built when it is asked for. Gives undefined in between
 * when `isTimeUp` says so: the loop has had enough, and the rest is asked for in another turn.
 */
export function* encodeSnapshot(
  state: CapturedState,
  meta: SnapshotMeta,
  codec: ValueCodec,
  chunkBytes: number,
  isTimeUp: () => boolean = () => false,
): Generator<Uint8Array | undefined> {
  let frames: Uint8Array[] = [];
  let bytes = 0;
  let count = 0;
  const add = (value: SnapshotValue): void => {
    const frame = codec.encode(value);
    frames.push(frame);
    bytes += frame.length + 4;
  };
  for (const value of valuesOf(state, meta)) {
    add(value);
    count++;
    if (bytes >= chunkBytes) {
      yield joined(frames, bytes);
      frames = [];
      bytes = 0;
    } else if (isTimeUp()) yield undefined;
  }
  add({ end: count });
  yield joined(frames, bytes);
}

function joined(frames: readonly Uint8Array[], bytes: number): Uint8Array {
  const chunk = new Uint8Array(bytes);
  const view = new DataView(chunk.buffer);
  let at = 0;
  for (const frame of frames) {
    view.setUint32(at, frame.length);
    chunk.set(frame, at + 4);
    at += 4 + frame.length;
  }
  return chunk;
}

/** Reads a snapshot's bytes as they come, and hands what they say to a restorer. */
export class SnapshotDecoder {
  readonly #codec: ValueCodec;
  readonly #into: StateRestorer;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #count = 0;
  #begun = false;
  #inModule = false;
  #ended = false;

  constructor(codec: ValueCodec, into: StateRestorer) {
    this.#codec = codec;
    this.#into = into;
  }

  push(data: Uint8Array): void {
    const rest = this.#bytes.subarray(this.#at);
    this.#bytes = rest.length === 0 ? data : concatenated(rest, data);
    this.#at = 0;
  }

  /**
   * Reads on. False when the time was up first, and there may be more in what was pushed.
   * @throws TuttiError `TUTTI_CODEC_INVALID`, `TUTTI_STORE_NEWER_VERSION`, `TUTTI_MODULE_UNKNOWN`
   */
  readSome(isTimeUp: () => boolean = () => false): boolean {
    const bytes = this.#bytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    while (bytes.length - this.#at >= 4) {
      const length = view.getUint32(this.#at);
      const from = this.#at + 4;
      if (bytes.length - from < length) break;
      this.#take(this.#codec.decode(bytes.subarray(from, from + length)) as SnapshotValue);
      this.#at = from + length;
      if (isTimeUp()) return false;
    }
    return true;
  }

  /** @throws TuttiError `TUTTI_CODEC_INVALID` when the end is missing */
  finish(): void {
    if (!this.#ended || !this.#begun || this.#at < this.#bytes.length) throw invalid('it ends too early');
  }

  #take(value: SnapshotValue): void {
    if ('end' in value) {
      if (value.end !== this.#count) throw invalid('it has lost values');
      this.#ended = true;
      return;
    }
    this.#count++;
    if ('snapshot' in value) this.#begin(value.snapshot, value.timeMs, value.appliedBytes);
    else if ('session' in value) this.#into.session(value.session);
    else if ('module' in value) {
      this.#into.module(value.module);
      this.#inModule = true;
    } else if ('part' in value && this.#inModule) this.#into.part(value.part);
    else throw invalid('a value in it is out of place');
  }

  #begin(found: number, timeMs: number, appliedBytes: number): void {
    if (found > SNAPSHOT_VERSION)
      throw new TuttiError('TUTTI_STORE_NEWER_VERSION', {
        file: 'snapshot',
        found,
        supported: SNAPSHOT_VERSION,
      });
    this.#begun = true;
    this.#into.begin(timeMs, appliedBytes);
  }
}

const invalid = (problem: string): TuttiError =>
  new TuttiError('TUTTI_CODEC_INVALID', { problem: `of a snapshot: ${problem}` });

function concatenated(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
