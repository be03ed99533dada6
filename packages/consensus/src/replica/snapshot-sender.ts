import type { Clock, NodeId, Term } from '@tutti/kernel';
import type { InstallSnapshot, InstallSnapshotReply, SnapshotMeta } from '../raft/messages.ts';
import type { StoredSnapshot } from '../storage/log-store.ts';

/** Without a word from the receiver for this long, the last chunk is sent again. */
const RESEND_MS = 1_000;
/** Without any progress for this long, the transfer is given up; the core asks for a new one when it is useful. */
const GIVE_UP_MS = 20_000;

interface Transfer {
  readonly peer: NodeId;
  readonly term: Term;
  readonly stored: StoredSnapshot;
  /** What the receiver has confirmed. */
  confirmed: number;
  reading: boolean;
  sentAt: number;
  progressAt: number;
}

/** What a sender needs of its replica. */
export interface SnapshotSenderPorts {
  readonly self: NodeId;
  readonly clock: Clock;
  readonly chunkBytes: number;
  send(message: InstallSnapshot): void;
  ended(peer: NodeId, meta: SnapshotMeta, ok: boolean): void;
}

/** Streams the stored snapshot to peers that lack entries the log no longer has: one chunk in flight to each. */
export class SnapshotSender {
  readonly #ports: SnapshotSenderPorts;
  readonly #transfers = new Map<NodeId, Transfer>();

  constructor(ports: SnapshotSenderPorts) {
    this.#ports = ports;
  }

  /** While this is true the stored snapshot must stay: no newer one may replace it. */
  get busy(): boolean {
    return this.#transfers.size > 0;
  }

  start(peer: NodeId, term: Term, stored: StoredSnapshot): void {
    const now = this.#ports.clock.now();
    const transfer = { peer, term, stored, confirmed: 0, reading: false, sentAt: now, progressAt: now };
    this.#transfers.set(peer, transfer);
    this.#sendChunk(transfer);
  }

  /** True when the peer has installed the snapshot. */
  replied(reply: InstallSnapshotReply): void {
    const transfer = this.#transfers.get(reply.from);
    if (!transfer || reply.index < transfer.stored.meta.index || reply.term !== transfer.term) return;
    if (reply.installed) return this.#end(transfer, true);
    // A repeated answer is left to the timer, lest two chunks be under way from then on.
    if (reply.receivedBytes === transfer.confirmed) return;
    if (reply.receivedBytes > transfer.confirmed) transfer.progressAt = this.#ports.clock.now();
    transfer.confirmed = Math.min(reply.receivedBytes, transfer.stored.totalBytes);
    this.#sendChunk(transfer);
  }

  tick(): void {
    const now = this.#ports.clock.now();
    for (const transfer of this.#transfers.values()) {
      if (now - transfer.progressAt >= GIVE_UP_MS) this.#end(transfer, false);
      else if (now - transfer.sentAt >= RESEND_MS) this.#sendChunk(transfer);
    }
  }

  /** Ends every transfer: this node leads no more, or stops. */
  abandon(): void {
    this.#transfers.clear();
  }

  #end(transfer: Transfer, ok: boolean): void {
    this.#transfers.delete(transfer.peer);
    this.#ports.ended(transfer.peer, transfer.stored.meta, ok);
  }

  #sendChunk(transfer: Transfer): void {
    if (transfer.reading) return;
    const { stored, peer, term } = transfer;
    const { self, clock, chunkBytes } = this.#ports;
    // Everything is confirmed and installation under way: an empty chunk asks how it went.
    const offset = transfer.confirmed;
    transfer.reading = true;
    transfer.sentAt = clock.now();
    stored.read(offset, Math.min(chunkBytes, stored.totalBytes - offset), (failure, data) => {
      if (this.#transfers.get(peer) !== transfer) return;
      transfer.reading = false;
      if (failure) return this.#end(transfer, false);
      const { meta, totalBytes, checksum } = stored;
      this.#ports.send({
        type: 'installSnapshot',
        from: self,
        to: peer,
        term,
        meta,
        offset,
        totalBytes,
        data,
        checksum,
      });
    });
  }
}
