import type { Incarnation, NodeId, PeerIdentity } from '@tutti/kernel';

/** Ask numbers of one peer that are remembered. */
const REMEMBERED = 1_024;

interface PeerAsks {
  readonly life: Incarnation;
  readonly seen: Set<number>;
  /** The numbers in `seen`, in the order in which they came, round and round. */
  readonly order: Float64Array;
  count: number;
  /** The highest number that was ever dropped from `seen`: nothing up to it is new. */
  floor: number;
}

/**
 * The asks of each peer that have arrived lately, so that one that a link brings twice is handled once. A peer numbers
 * its asks upwards; one that is older than all that is remembered counts as a repetition.
 */
export class AskedBefore {
  /** As many as there are peers. */
  readonly #peers = new Map<NodeId, PeerAsks>();

  /** Whether this ask has come before; from now on it has. Asks of an earlier life are repetitions. */
  isRepeated({ nodeId, incarnation: life }: PeerIdentity, id: number): boolean {
    let peer = this.#peers.get(nodeId);
    if (!peer || peer.life < life) {
      peer = { life, seen: new Set(), order: new Float64Array(REMEMBERED), count: 0, floor: -1 };
      this.#peers.set(nodeId, peer);
    }
    if (peer.life > life || id <= peer.floor || peer.seen.has(id)) return true;
    const at = peer.count++ % REMEMBERED;
    if (peer.count > REMEMBERED) {
      const dropped = peer.order[at]!;
      peer.seen.delete(dropped);
      if (dropped > peer.floor) peer.floor = dropped;
    }
    peer.order[at] = id;
    peer.seen.add(id);
    return false;
  }
}
