import { isTuttiError, type LogIndex, type NodeId, type Term } from '@tutti/kernel';
import type { InstallSnapshot, InstallSnapshotReply, SnapshotMeta } from '../raft/messages.ts';
import type { LogStore, SnapshotWriter } from '../storage/log-store.ts';

interface Receiving {
  readonly checksum: number;
  readonly totalBytes: number;
  readonly writer: SnapshotWriter;
  writing: boolean;
  committing: boolean;
}

/** What a receiver needs of its replica. */
export interface SnapshotReceiverPorts {
  readonly self: NodeId;
  readonly store: LogStore;
  term(): Term;
  reply(message: InstallSnapshotReply): void;
  /** Every byte is here, checked and durable. */
  received(meta: SnapshotMeta): void;
  failed(failure: Error): void;
}

/**
 * Takes in a snapshot chunk by chunk. Chunks come in order; what does not fit is answered with the number of bytes
 * held, from where the sender goes on. A transfer that broke off is resumed as long as the snapshot is the same.
 */
export class SnapshotReceiver {
  readonly #ports: SnapshotReceiverPorts;
  #receiving: Receiving | undefined;

  constructor(ports: SnapshotReceiverPorts) {
    this.#ports = ports;
  }

  /** Whether a snapshot is on its way in. */
  get busy(): boolean {
    return this.#receiving !== undefined;
  }

  take(chunk: InstallSnapshot): void {
    const receiving = this.#for(chunk);
    if (receiving.writing || receiving.committing) return;
    const { writer } = receiving;
    if (chunk.offset !== writer.size || writer.size + chunk.data.length > chunk.totalBytes)
      return this.#reply(chunk, writer.size);
    if (chunk.data.length === 0 && chunk.totalBytes > 0 && writer.size < chunk.totalBytes)
      return this.#reply(chunk, writer.size);
    receiving.writing = true;
    writer.write(chunk.data, (failure) => {
      if (this.#receiving !== receiving) return;
      receiving.writing = false;
      if (failure) return this.#ports.failed(failure);
      if (writer.size === chunk.totalBytes) this.#commit(receiving, chunk);
      else this.#reply(chunk, writer.size);
    });
  }

  /** Drops a snapshot that would bring nothing new: the log has led to `index` meanwhile. */
  forgetThrough(index: LogIndex): void {
    const receiving = this.#receiving;
    if (receiving && !receiving.committing && receiving.writer.meta.index <= index) this.abort();
  }

  /** Drops what came so far. */
  abort(): void {
    this.#receiving?.writer.abort();
    this.#receiving = undefined;
  }

  #for(chunk: InstallSnapshot): Receiving {
    const current = this.#receiving;
    const { meta, checksum, totalBytes } = chunk;
    if (
      current?.writer.meta.index === meta.index &&
      current.writer.meta.term === meta.term &&
      current.checksum === checksum &&
      current.totalBytes === totalBytes
    )
      return current;
    this.abort();
    const writer = this.#ports.store.beginSnapshot(meta);
    this.#receiving = { checksum, totalBytes, writer, writing: false, committing: false };
    return this.#receiving;
  }

  #commit(receiving: Receiving, chunk: InstallSnapshot): void {
    receiving.committing = true;
    receiving.writer.commit(receiving.checksum, (failure) => {
      if (this.#receiving !== receiving) return;
      this.#receiving = undefined;
      if (!failure) return this.#ports.received(receiving.writer.meta);
      // Damaged on the way: ask for it from the start. Anything else is our disk.
      if (isTuttiError(failure, 'TUTTI_STORE_CORRUPT')) this.#reply(chunk, 0);
      else this.#ports.failed(failure);
    });
  }

  #reply(chunk: InstallSnapshot, receivedBytes: number): void {
    this.#ports.reply({
      type: 'installSnapshotReply',
      from: this.#ports.self,
      to: chunk.from,
      term: this.#ports.term(),
      index: chunk.meta.index,
      receivedBytes,
      installed: false,
    });
  }
}
