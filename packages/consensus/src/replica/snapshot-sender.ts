import type { Clock, NodeId, Term } from '@tutti/kernel';
import type { InstallSnapshot, InstallSnapshotReply, SnapshotMeta } from '../raft/messages.ts';
import type { StoredSnapshot } from '../storage/log-store.ts';

/** Without a word from the receiver for this long, the last chunk is sent again. */
const RESEND_MS = 1_000;
/** Without any progress for this long, the transfer is given up. */
const GIVE_UP_MS = 20_000;
/** No new transfer to a peer for this long after one was given up: time to take a newer snapshot, and drop the log. */
const REST_MS = 5_000;

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

/** A peer whose transfer was given up. */
interface GivenUp {
  readonly meta: SnapshotMeta;
  readonly at: number;
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
  readonly #givenUp = new Map<NodeId, GivenUp>();

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
      if (now - transfer.progressAt >= GIVE_UP_MS) this.#giveUp(transfer, now);
      else if (now - transfer.sentAt >= RESEND_MS) this.#sendChunk(transfer);
    }
  }

  /**
   * A message came from this peer. Only now is a transfer that was given up reported as failed, which starts the
   * next: one to a dead peer after another would keep this node from replacing its snapshot, and so its log, for ever.
   */
  heard(peer: NodeId): void {
    const givenUp = this.#givenUp.get(peer);
    if (!givenUp || this.#ports.clock.now() - givenUp.at < REST_MS) return;
    this.#givenUp.delete(peer);
    this.#ports.ended(peer, givenUp.meta, false);
  }

  /** Ends every transfer: this node leads no more, or stops. */
  abandon(): void {
    this.#transfers.clear();
    this.#givenUp.clear();
  }

  #giveUp(transfer: Transfer, now: number): void {
    this.#transfers.delete(transfer.peer);
    this.#givenUp.set(transfer.peer, { meta: transfer.stored.meta, at: now });
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
