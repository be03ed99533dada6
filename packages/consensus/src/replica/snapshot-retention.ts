import type { LogIndex, NodeId } from '@tutti/kernel';
import type { PeerProgress } from '../raft/raft-node-options.ts';

/** How often the log that is kept for one peer may double before it does not grow any more. */
const DOUBLINGS_MAX = 3;

interface Kept {
  /** The first entry the peer will need comes after this one. */
  index: number;
  readonly appliedBytes: number;
  sending: boolean;
}

/**
 * Which entries a leader keeps although its snapshot covers them: those that follow a snapshot on its way to a peer,
 * and those that the peer still lacks after it has installed it. Without them it would need the next snapshot at once,
 * and so on for ever.
 *
 * What is kept has a bound, in bytes that were applied meanwhile. A transfer that takes longer is begun anew with a
 * newer snapshot, and the bound doubles for that peer, up to eight times its size: a peer that is merely slow gets there.
 */
export class SnapshotRetention {
  readonly #bytesMax: number;
  readonly #kept = new Map<NodeId, Kept>();
  readonly #doublings = new Map<NodeId, number>();

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  sending(peer: NodeId, index: LogIndex, appliedBytes: number): void {
    this.#kept.set(peer, { index, appliedBytes, sending: true });
  }

  /** The transfer is over; a peer that has installed the snapshot still has to catch up. */
  sent(peer: NodeId, ok: boolean): void {
    const kept = this.#kept.get(peer);
    if (kept && ok) kept.sending = false;
    else this.#kept.delete(peer);
  }

  clear(): void {
    this.#kept.clear();
    this.#doublings.clear();
  }

  /** Peers whose transfer has made the log grow beyond what may be kept for it. */
  overdue(appliedBytes: number): NodeId[] {
    const overdue: NodeId[] = [];
    for (const [peer, kept] of this.#kept) {
      const doublings = this.#doublings.get(peer) ?? 0;
      if (appliedBytes - kept.appliedBytes <= this.#bytesMax * 2 ** doublings) continue;
      this.#doublings.set(peer, Math.min(DOUBLINGS_MAX, doublings + 1));
      if (kept.sending) overdue.push(peer);
      this.#kept.delete(peer);
    }
    return overdue;
  }

  /** The last entry that may go as far as peers are concerned, given what the leader knows of each. */
  droppable(progress: readonly PeerProgress[], lastIndex: LogIndex): number {
    let droppable = Infinity;
    for (const [peer, kept] of this.#kept) {
      const found = progress.find((one) => one.peer === peer);
      if (!found) {
        this.#kept.delete(peer);
        continue;
      }
      if (!kept.sending) kept.index = Math.max(kept.index, found.matchIndex);
      if (!kept.sending && kept.index >= lastIndex) {
        this.#kept.delete(peer);
        this.#doublings.delete(peer);
      } else droppable = Math.min(droppable, kept.index);
    }
    return droppable;
  }
}
