import { type LogIndex, logIndex, type NodeId, type Term } from '@tutti/kernel';
import type { RepairReply } from '../raft/repair.ts';

const NONE = logIndex(0);

/**
 * How a node that has forgotten its term and vote learns of a term from which on it can promise again
 * (`docs/adr/0019-a-fence-for-forgotten-votes.md`). A leader says where its log ends, and has to commit an entry beyond
 * that. The entry is younger than this life of the asking node, and a majority without that node has it. So whoever the
 * node had voted for in a later term than the leader's lacks the entry, and is elected by no majority any more.
 *
 * Who the voters are needs not be known, and nobody has to be waited for, but a majority.
 */
export class RepairFence {
  #at: { readonly leader: NodeId; readonly term: Term; readonly index: LogIndex } | undefined;
  #floor: Term | undefined;

  /** Nothing that this node promised in a later term can still matter; undefined as long as none is known. */
  get floor(): Term | undefined {
    return this.#floor;
  }

  /** The entry that this peer is to commit; 0 for none. */
  askedOf(peer: NodeId): LogIndex {
    return this.#floor === undefined && this.#at?.leader === peer ? this.#at.index : NONE;
  }

  /**
   * Takes an answer to a question of this life.
   * @returns whether a leader of a later term than before has answered, which has not been asked for an entry yet
   */
  take({ from, term, leads, lastIndex, commitIndex }: RepairReply): boolean {
    if (!leads || term === undefined || this.#floor !== undefined) return false;
    if (!this.#at || term > this.#at.term) {
      this.#at = { leader: from, term, index: logIndex(lastIndex + 1) };
      return true;
    }
    if (from === this.#at.leader && term === this.#at.term && commitIndex >= this.#at.index)
      this.#floor = term;
    return false;
  }
}
