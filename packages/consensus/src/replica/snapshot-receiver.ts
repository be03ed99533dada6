import { type Clock, isTuttiError, type LogIndex, type NodeId, type Term } from '@tutti/kernel';
import type { InstallSnapshot, InstallSnapshotReply, SnapshotMeta } from '../raft/messages.ts';
import { crc32c } from '../storage/crc32c.ts';
import type { LogStore, SnapshotWriter } from '../storage/log-store.ts';
import type { Places } from './snapshot-limits.ts';

/** Chunks that wait for the one being written. More than a sender's window holds is dropped, and sent again. */
const CHUNKS_WAITING_MAX = 64;
/** A transfer of which nothing came for this long gives its place to another. */
const IDLE_MS = 60_000;
/** A disk that had no space for a snapshot is not tried again before this has passed. */
const FULL_REST_MS = 5_000;

interface Receiving {
  /** Of the leader that sends it now. */
  term: Term;
  readonly checksum: number;
  readonly totalBytes: number;
  readonly writer: SnapshotWriter;
  readonly waiting: InstallSnapshot[];
  /** Bytes that are written, and where the next chunk has to begin. */
  written: number;
  next: number;
  writing: boolean;
  committing: boolean;
  heardAt: number;
}

/** What a receiver needs of its replica. */
export interface SnapshotReceiverPorts {
  readonly self: NodeId;
  readonly clock: Clock;
  readonly store: LogStore;
  readonly places: Places;
  term(): Term;
  reply(message: InstallSnapshotReply): void;
  /** Every byte is here, checked and durable. */
  received(meta: SnapshotMeta): void;
  failed(failure: Error): void;
}

/**
 * Takes in a snapshot chunk by chunk. Chunks come in order and are checked one by one; what does not fit is answered
 * with the number of bytes held, from where the sender goes on. A transfer that broke off is resumed as long as the
 * snapshot is the same, whoever sends it.
 */
export class SnapshotReceiver {
  readonly #ports: SnapshotReceiverPorts;
  #receiving: Receiving | undefined;
  #fullUntil = 0;

  constructor(ports: SnapshotReceiverPorts) {
    this.#ports = ports;
  }

  /** Whether a snapshot is on its way in. */
  get busy(): boolean {
    return this.#receiving !== undefined;
  }

  take(chunk: InstallSnapshot): void {
    if (this.#ports.clock.now() < this.#fullUntil) return this.answerLater(chunk);
    const receiving = this.#for(chunk);
    if (!receiving) return this.answerLater(chunk);
    if (receiving.committing) return this.#reply(chunk, receiving.written, { later: true });
    receiving.heardAt = this.#ports.clock.now();
    const { data, offset, totalBytes } = chunk;
    const fits = offset === receiving.next && data.length > 0 && offset + data.length <= totalBytes;
    if (!fits || receiving.waiting.length >= CHUNKS_WAITING_MAX) return this.#reply(chunk, receiving.written);
    if (crc32c(data) !== chunk.dataChecksum)
      return this.#reply(chunk, receiving.written, { damaged: data.length === totalBytes });
    receiving.next += data.length;
    receiving.waiting.push(chunk);
    this.#write(receiving);
  }

  /** Nothing is wrong, but it takes its time: there is no place for it now, or it is being put in place. */
  answerLater(chunk: InstallSnapshot): void {
    this.#reply(chunk, 0, { later: true });
  }

  tick(): void {
    const receiving = this.#receiving;
    if (!receiving || receiving.committing || receiving.writing) return;
    if (this.#ports.clock.now() - receiving.heardAt >= IDLE_MS) this.abort();
  }

  /** Drops a snapshot that would bring nothing new: the log has led to `index` meanwhile. */
  forgetThrough(index: LogIndex): void {
    const receiving = this.#receiving;
    if (receiving && !receiving.committing && receiving.writer.meta.index <= index) this.abort();
  }

  /** Drops what came so far. */
  abort(): void {
    this.#receiving?.writer.abort();
    this.#forget();
  }

  #forget(): void {
    if (this.#receiving) this.#ports.places.giveBack();
    this.#receiving = undefined;
  }

  #for(chunk: InstallSnapshot): Receiving | undefined {
    const current = this.#receiving;
    const { meta, checksum, totalBytes } = chunk;
    if (
      current?.writer.meta.index === meta.index &&
      current.writer.meta.term === meta.term &&
      current.checksum === checksum &&
      current.totalBytes === totalBytes
    ) {
      current.term = chunk.term;
      return current;
    }
    // It was late: a leader sends newer ones only. Another may well have none that is as new as what broke off.
    if (current?.term === chunk.term && meta.index < current.writer.meta.index) return undefined;
    // What is being put in place will stand in the store, whatever is said now: it is installed before another comes.
    if (current?.committing) return undefined;
    this.abort();
    if (!this.#ports.places.take()) return undefined;
    this.#receiving = {
      term: chunk.term,
      checksum,
      totalBytes,
      writer: this.#ports.store.beginSnapshot(meta),
      waiting: [],
      written: 0,
      next: 0,
      writing: false,
      committing: false,
      heardAt: this.#ports.clock.now(),
    };
    return this.#receiving;
  }

  #write(receiving: Receiving): void {
    if (receiving.writing) return;
    const chunk = receiving.waiting.shift();
    if (!chunk) return;
    receiving.writing = true;
    receiving.writer.write(chunk.data, (failure) => {
      if (this.#receiving !== receiving) return;
      receiving.writing = false;
      if (failure) return this.#notTaken(failure, chunk);
      receiving.written += chunk.data.length;
      if (receiving.written === chunk.totalBytes) return this.#commit(receiving, chunk);
      this.#reply(chunk, receiving.written);
      this.#write(receiving);
    });
  }

  #commit(receiving: Receiving, chunk: InstallSnapshot): void {
    receiving.committing = true;
    receiving.writer.commit(receiving.checksum, (failure) => {
      if (this.#receiving !== receiving) return;
      this.#forget();
      if (!failure) return this.#ports.received(receiving.writer.meta);
      // It is not what was announced: asked for from the start.
      if (isTuttiError(failure, 'TUTTI_STORE_CORRUPT')) this.#reply(chunk, 0, { damaged: true });
      else this.#notTaken(failure, chunk);
    });
  }

  /** What is here of a snapshot for which there is no space gives back its own, and is sent again later. */
  #notTaken(failure: Error, chunk: InstallSnapshot): void {
    if (!isTuttiError(failure, 'TUTTI_STORE_FULL')) return this.#ports.failed(failure);
    this.abort();
    this.#fullUntil = this.#ports.clock.now() + FULL_REST_MS;
    this.answerLater(chunk);
  }

  #reply(
    chunk: InstallSnapshot,
    receivedBytes: number,
    { later = false, damaged = false }: Pick<Partial<InstallSnapshotReply>, 'later' | 'damaged'> = {},
  ): void {
    this.#ports.reply({
      type: 'installSnapshotReply',
      from: this.#ports.self,
      to: chunk.from,
      term: this.#ports.term(),
      index: chunk.meta.index,
      receivedBytes,
      installed: false,
      later,
      damaged,
    });
  }
}
