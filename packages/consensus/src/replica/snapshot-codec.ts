import { TuttiError, type ValueCodec, type WireValue } from '@tutti/kernel';
import type { SnapshotMeta } from '../raft/messages.ts';
import type { CapturedState, RestoredState } from './module-host.ts';
import type { SessionRow } from './session-table.ts';

/** The format of a snapshot's contents; another number is another layout. */
const SNAPSHOT_VERSION = 1;

/**
 * A snapshot is a run of values, each as a length (u32) and its encoding: a header, one value per session, then for
 * each module its name and its parts, and a trailer that says how many values came before it.
 */
type SnapshotValue =
  | { readonly snapshot: number; readonly meta: SnapshotMeta; readonly timeMs: number }
  | { readonly session: SessionRow }
  | { readonly module: string }
  | { readonly part: WireValue }
  | { readonly end: number };

function* valuesOf(state: CapturedState, meta: SnapshotMeta): Generator<SnapshotValue> {
  yield { snapshot: SNAPSHOT_VERSION, meta, timeMs: state.timeMs };
  for (const session of state.sessions) yield { session };
  for (const { name, parts } of state.modules) {
    yield { module: name };
    for (const part of parts) yield { part };
  }
}

/** The snapshot's bytes in chunks of about `chunkBytes`, each built when it is asked for. */
export function* encodeSnapshot(
  state: CapturedState,
  meta: SnapshotMeta,
  codec: ValueCodec,
  chunkBytes: number,
): Generator<Uint8Array> {
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
    if (bytes < chunkBytes) continue;
    yield joined(frames, bytes);
    frames = [];
    bytes = 0;
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

/** Reads a snapshot's bytes as they come, and gives the whole state at the end. */
export class SnapshotDecoder {
  readonly #codec: ValueCodec;
  #rest: Uint8Array = new Uint8Array(0);
  #count = 0;
  #timeMs: number | undefined;
  readonly #sessions: SessionRow[] = [];
  readonly #modules = new Map<string, WireValue[]>();
  #parts: WireValue[] | undefined;
  #ended = false;

  constructor(codec: ValueCodec) {
    this.#codec = codec;
  }

  /** @throws TuttiError `TUTTI_CODEC_INVALID`, `TUTTI_STORE_NEWER_VERSION` */
  push(data: Uint8Array): void {
    const bytes = this.#rest.length === 0 ? data : concatenated(this.#rest, data);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (bytes.length - at >= 4) {
      const length = view.getUint32(at);
      if (bytes.length - at - 4 < length) break;
      this.#take(this.#codec.decode(bytes.subarray(at + 4, at + 4 + length)) as SnapshotValue);
      at += 4 + length;
    }
    this.#rest = bytes.slice(at);
  }

  /** @throws TuttiError `TUTTI_CODEC_INVALID` when the end is missing */
  finish(): RestoredState {
    if (!this.#ended || this.#timeMs === undefined || this.#rest.length > 0)
      throw new TuttiError('TUTTI_CODEC_INVALID', { problem: 'the snapshot ends too early' });
    return { timeMs: this.#timeMs, sessions: this.#sessions, modules: this.#modules };
  }

  #take(value: SnapshotValue): void {
    if ('end' in value) {
      if (value.end !== this.#count)
        throw new TuttiError('TUTTI_CODEC_INVALID', { problem: 'the snapshot has lost values' });
      this.#ended = true;
      return;
    }
    this.#count++;
    if ('snapshot' in value) {
      if (value.snapshot > SNAPSHOT_VERSION)
        throw new TuttiError('TUTTI_STORE_NEWER_VERSION', {
          file: 'snapshot',
          found: value.snapshot,
          supported: SNAPSHOT_VERSION,
        });
      this.#timeMs = value.timeMs;
    } else if ('session' in value) this.#sessions.push(value.session);
    else if ('module' in value) this.#modules.set(value.module, (this.#parts = []));
    else if ('part' in value && this.#parts) this.#parts.push(value.part);
    else throw new TuttiError('TUTTI_CODEC_INVALID', { problem: 'a value in the snapshot is out of place' });
  }
}

function concatenated(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
