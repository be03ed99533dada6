import { type Clock, isTuttiError, type NodeId, type Term, type Timer } from '@tutti/kernel';
import type { InstallSnapshot, InstallSnapshotReply, SnapshotMeta } from '../raft/messages.ts';
import { crc32c } from '../storage/crc32c.ts';
import type { StoredSnapshot } from '../storage/log-store.ts';
import type { SnapshotLimits } from './snapshot-limits.ts';
import { SnapshotReading } from './snapshot-reading.ts';

/** Without a word from the receiver for this long, what it has not confirmed is sent again. */
const RESEND_MS = 1_000;
/** Without any sign of life for this long, the transfer is given up. */
const GIVE_UP_MS = 20_000;
/** No new transfer to a peer for this long after one was given up. */
const REST_MS = 5_000;
/** How often a receiver may find the whole snapshot damaged before our copy is held to be the damaged one. */
const DAMAGED_MAX = 2;

interface Transfer {
  readonly peer: NodeId;
  readonly term: Term;
  readonly reading: SnapshotReading;
  /** It has a place among those that are sent; without one it waits. */
  placed: boolean;
  /** What the receiver has confirmed, and from where the next chunk is sent. */
  confirmed: number;
  next: number;
  chunkUnderWay: boolean;
  /** The receiver takes its time: it is only asked how it goes. */
  later: boolean;
  sentAt: number;
  /** The last answer of the receiver. */
  aliveAt: number;
  damaged: number;
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
  /** Bytes that may be under way to one receiver. */
  readonly windowBytes: number;
  readonly limits: SnapshotLimits;
  /** Runs what a timer brings, unless the replica has ended. */
  guarded(action: () => void): void;
  send(message: InstallSnapshot): void;
  ended(peer: NodeId, meta: SnapshotMeta, ok: boolean): void;
  /** The stored snapshot cannot be read, or is not what it says: another one is needed. */
  damaged(meta: SnapshotMeta): void;
}

/**
 * Streams stored snapshots to peers that lack entries the log no longer has. To each a window of bytes is under way;
 * all together keep to a rate. A receiver says how much it holds, so a transfer goes on where it broke off.
 */
export class SnapshotSender {
  readonly #ports: SnapshotSenderPorts;
  readonly #transfers = new Map<NodeId, Transfer>();
  readonly #readings = new Map<StoredSnapshot, SnapshotReading>();
  readonly #givenUp = new Map<NodeId, GivenUp>();
  #throttled: Timer | undefined;

  constructor(ports: SnapshotSenderPorts) {
    this.#ports = ports;
  }

  start(peer: NodeId, term: Term, stored: StoredSnapshot): void {
    this.#drop(peer);
    const now = this.#ports.clock.now();
    const reading = this.#readings.get(stored) ?? new SnapshotReading(stored, this.#ports.chunkBytes);
    this.#readings.set(stored, reading);
    reading.users++;
    const transfer: Transfer = {
      peer,
      term,
      reading,
      placed: false,
      confirmed: 0,
      next: 0,
      chunkUnderWay: false,
      later: false,
      sentAt: now,
      aliveAt: now,
      damaged: 0,
    };
    this.#transfers.set(peer, transfer);
    this.#pump(transfer);
  }

  replied(reply: InstallSnapshotReply): void {
    const transfer = this.#transfers.get(reply.from);
    if (!transfer || reply.term !== transfer.term) return;
    const { meta, totalBytes } = transfer.reading.stored;
    if (reply.installed && reply.index >= meta.index) return this.#end(transfer, true);
    if (reply.index !== meta.index) return;
    transfer.aliveAt = this.#ports.clock.now();
    const held = Math.min(reply.receivedBytes, totalBytes);
    const waited = transfer.later;
    transfer.later = reply.later;
    if (reply.later) {
      // What it let go of for want of space, or never took, says nothing against the snapshot.
      transfer.confirmed = Math.min(transfer.confirmed, held);
      return;
    }
    if (held > transfer.confirmed) {
      transfer.confirmed = held;
      transfer.next = Math.max(transfer.next, held);
    } else if (isFoundDamaged(reply, transfer)) {
      transfer.confirmed = transfer.next = held;
      if (++transfer.damaged > DAMAGED_MAX) return this.#foundDamaged(transfer);
      // What had been confirmed is lost, and the receiver began anew; or it goes on.
    } else if (held < transfer.confirmed || waited) transfer.confirmed = transfer.next = held;
    // Any other repeated answer is left to the timer, lest every chunk be sent twice from then on.
    else return;
    this.#pump(transfer);
  }

  tick(): void {
    const now = this.#ports.clock.now();
    for (const transfer of this.#transfers.values()) {
      if (!transfer.placed) {
        transfer.aliveAt = now;
        this.#pump(transfer);
      } else if (now - transfer.aliveAt >= GIVE_UP_MS) this.#giveUp(transfer, now);
      else if (now - transfer.sentAt >= RESEND_MS) this.#ask(transfer);
    }
  }

  /**
   * A message came from this peer. Only now is a transfer that was given up reported as failed, which starts the
   * next: one to a dead peer after another would be work for nothing.
   */
  heard(peer: NodeId): void {
    const givenUp = this.#givenUp.get(peer);
    if (!givenUp || this.#ports.clock.now() - givenUp.at < REST_MS) return;
    this.#givenUp.delete(peer);
    this.#ports.ended(peer, givenUp.meta, false);
  }

  /** Gives up one transfer, to begin another with a newer snapshot. */
  restart(peer: NodeId): void {
    const transfer = this.#transfers.get(peer);
    if (transfer) this.#end(transfer, false);
  }

  /** Ends every transfer: this node leads no more, or stops. */
  abandon(): void {
    for (const peer of this.#transfers.keys()) this.#drop(peer);
    this.#givenUp.clear();
    if (this.#throttled) this.#ports.clock.clearTimer(this.#throttled);
    this.#throttled = undefined;
  }

  /** Nothing was heard for a while: what is not confirmed is sent again, or an empty chunk asks how it goes. */
  #ask(transfer: Transfer): void {
    transfer.next = transfer.confirmed;
    if (!transfer.later && transfer.confirmed < transfer.reading.stored.totalBytes)
      return this.#pump(transfer);
    transfer.sentAt = this.#ports.clock.now();
    this.#send(transfer, transfer.confirmed, new Uint8Array(0));
  }

  #giveUp(transfer: Transfer, now: number): void {
    this.#drop(transfer.peer);
    this.#givenUp.set(transfer.peer, { meta: transfer.reading.stored.meta, at: now });
  }

  #end(transfer: Transfer, ok: boolean): void {
    this.#drop(transfer.peer);
    this.#ports.ended(transfer.peer, transfer.reading.stored.meta, ok);
  }

  /** The peer is told nothing; it is tried again, with another snapshot, after a rest. */
  #foundDamaged(transfer: Transfer): void {
    this.#giveUp(transfer, this.#ports.clock.now());
    this.#ports.damaged(transfer.reading.stored.meta);
  }

  #drop(peer: NodeId): void {
    const transfer = this.#transfers.get(peer);
    if (!transfer) return;
    this.#transfers.delete(peer);
    const { reading } = transfer;
    if (transfer.placed) this.#ports.limits.outgoing.giveBack();
    if (--reading.users > 0) return;
    this.#readings.delete(reading.stored);
    reading.close();
  }

  /** Sends the next chunk, if window and rate allow. */
  #pump(transfer: Transfer): void {
    const { limits, windowBytes } = this.#ports;
    transfer.placed ||= limits.outgoing.take();
    if (!transfer.placed || transfer.chunkUnderWay || transfer.later) return;
    const underWay = transfer.next - transfer.confirmed;
    const isWindowFull = underWay > 0 && underWay >= windowBytes;
    if (isWindowFull || transfer.next >= transfer.reading.stored.totalBytes) return;
    const length = transfer.reading.lengthAt(transfer.next);
    const waitMs = limits.throttle.take(length);
    if (waitMs > 0) return this.#wait(waitMs);
    this.#sendChunk(transfer);
  }

  #wait(waitMs: number): void {
    this.#throttled ??= this.#ports.clock.setTimer(waitMs, () => {
      this.#throttled = undefined;
      this.#ports.guarded(() => {
        // Whoever sent last is asked last, so that none waits for ever.
        const bySentAt = [...this.#transfers.values()].sort((a, b) => a.sentAt - b.sentAt);
        for (const transfer of bySentAt) this.#pump(transfer);
      });
    });
  }

  #sendChunk(transfer: Transfer): void {
    const { reading, peer } = transfer;
    const offset = transfer.next;
    transfer.chunkUnderWay = true;
    transfer.sentAt = this.#ports.clock.now();
    reading.chunk(offset, (failure, data) => {
      if (this.#transfers.get(peer) !== transfer) return;
      this.#ports.guarded(() => {
        transfer.chunkUnderWay = false;
        if (isTuttiError(failure, 'TUTTI_STORE_CORRUPT')) return this.#foundDamaged(transfer);
        if (failure) return this.#end(transfer, false);
        this.#send(transfer, offset, data);
        // An answer may have moved it meanwhile.
        if (transfer.next === offset) transfer.next = offset + data.length;
        this.#pump(transfer);
      });
    });
  }

  #send({ peer, term, reading }: Transfer, offset: number, data: Uint8Array): void {
    const { meta, totalBytes, checksum } = reading.stored;
    this.#ports.send({
      type: 'installSnapshot',
      from: this.#ports.self,
      to: peer,
      term,
      meta,
      offset,
      totalBytes,
      data,
      dataChecksum: crc32c(data),
      checksum,
    });
  }
}

/**
 * Whether the receiver had all of it, and it did not fit together. One of an earlier version does not say so: it has
 * nothing of what had been sent to its end. Of a single chunk it had told nothing before; of several, that it had some.
 */
function isFoundDamaged({ damaged, receivedBytes }: InstallSnapshotReply, transfer: Transfer): boolean {
  if (damaged !== undefined) return damaged;
  const { totalBytes } = transfer.reading.stored;
  if (receivedBytes > 0 || transfer.next < totalBytes) return false;
  return transfer.confirmed > 0 || transfer.reading.lengthAt(0) === totalBytes;
}
