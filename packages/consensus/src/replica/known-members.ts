import { logIndex, type NodeId } from '@tutti/kernel';
import { decodeMembership } from '../raft/membership-codec.ts';
import type { Entry, Membership } from '../raft/messages.ts';
import type { LogStore, LogStoreState } from '../storage/log-store.ts';

const SCAN_BYTES = 1024 * 1024;

/**
 * Everybody whom a node with a damaged store has reason to ask: the members of every configuration that it knows, on
 * both sides of a joint one. The latest alone would not do: it may be one that is truncated again, and what is lost may
 * hide a later one. So names are added, and none is taken away.
 */
export class KnownMembers {
  readonly #self: NodeId;
  readonly #voters = new Set<NodeId>();
  readonly #everyone = new Set<NodeId>();
  #selfVotes = false;

  /** @param base In force at the snapshot, or at the beginning of a log that has none; may name nobody. */
  constructor(self: NodeId, base: Membership) {
    this.#self = self;
    this.learn(base);
  }

  /** Those who vote, or did, without this node. */
  get otherVoters(): readonly NodeId[] {
    return [...this.#voters];
  }

  /** With those who do not vote. */
  get others(): readonly NodeId[] {
    return [...this.#everyone];
  }

  /** Whether this node votes, or did, and nobody else. */
  get isOnlyVoter(): boolean {
    return this.#selfVotes && this.#voters.size === 0;
  }

  learn({ voters, outgoing = [], learners }: Membership): void {
    for (const voter of [...voters, ...outgoing]) {
      if (voter === this.#self) this.#selfVotes = true;
      else this.#voters.add(voter);
    }
    for (const member of [...this.#voters, ...learners])
      if (member !== this.#self) this.#everyone.add(member);
  }

  learnFrom(entries: readonly Entry[]): void {
    for (const { kind, data } of entries) if (kind === 'membership') this.learn(decodeMembership(data));
  }

  /** Takes up what can still be read of a damaged log beyond its snapshot. */
  learnFromLog(store: Pick<LogStore, 'entries'>, state: LogStoreState): void {
    let from = Math.max(state.firstIndex, (state.snapshot?.index ?? 0) + 1);
    const readTo = (last: number): void => {
      while (from <= last) {
        const entries = store.entries(logIndex(from), logIndex(last), SCAN_BYTES);
        if (entries.length === 0) return;
        this.learnFrom(entries);
        from += entries.length;
      }
    };
    for (const lost of state.damage?.lost ?? []) {
      readTo(lost.from - 1);
      from = Math.max(from, lost.to + 1);
    }
    readTo(state.lastIndex);
  }
}
