import type { StoredSnapshot } from '../storage/log-store.ts';

type ChunkCallback = (failure: Error | undefined, data: Uint8Array) => void;

/** Chunks that are kept for other receivers of the same snapshot. */
const CHUNKS_KEPT = 8;

/**
 * One reading of a stored snapshot for all who receive it: a chunk that several want is read from the disk once, and
 * the newest chunks are kept for those a little behind. The snapshot stays readable until {@link close}.
 */
export class SnapshotReading {
  readonly stored: StoredSnapshot;
  readonly #chunkBytes: number;
  readonly #release: () => void;
  readonly #kept = new Map<number, Uint8Array>();
  readonly #wanted = new Map<number, ChunkCallback[]>();
  /** How many receive it. */
  users = 0;

  constructor(stored: StoredSnapshot, chunkBytes: number) {
    this.stored = stored;
    this.#chunkBytes = chunkBytes;
    this.#release = stored.hold();
  }

  lengthAt(offset: number): number {
    return Math.min(this.#chunkBytes, this.stored.totalBytes - offset);
  }

  chunk(offset: number, done: ChunkCallback): void {
    const kept = this.#kept.get(offset);
    if (kept) return done(undefined, kept);
    const waiting = this.#wanted.get(offset);
    if (waiting) return void waiting.push(done);
    const wanting = [done];
    this.#wanted.set(offset, wanting);
    this.stored.read(offset, this.lengthAt(offset), (failure, data) => {
      this.#wanted.delete(offset);
      if (!failure) this.#keep(offset, data);
      for (const tell of wanting) tell(failure, data);
    });
  }

  close(): void {
    this.#kept.clear();
    this.#release();
  }

  #keep(offset: number, data: Uint8Array): void {
    this.#kept.set(offset, data);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= CHUNKS_KEPT) return;
      this.#kept.delete(oldest);
    }
  }
}
