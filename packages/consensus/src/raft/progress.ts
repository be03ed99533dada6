import { type LogIndex, logIndex, type NodeId, Ring } from '@tutti/kernel';
import type { RaftConfig } from './config.ts';

/**
 * - `probe`: where the logs part is not known; one message at a time, sent again on a sign of life.
 * - `replicate`: the peer keeps up; entries are sent ahead of its answers, within a window.
 * - `snapshot`: what it lacks has been compacted; entries wait until a snapshot is installed.
 */
export type ProgressState = 'probe' | 'replicate' | 'snapshot';

/** What a leader knows of one peer (Raft figure 2: nextIndex, matchIndex), and how much it may send ahead. */
export class Progress {
  readonly peer: NodeId;
  readonly #windowBytesMax: number;
  /** The last index of each message under way, and its bytes, oldest first. */
  readonly #flightEnds: Ring<number>;
  readonly #flightBytes: Ring<number>;
  #bytesUnderWay = 0;
  #state: ProgressState = 'probe';
  #match: number = 0;
  #next: number;
  /** A probe is out; the next waits for an answer or a heartbeat's reply. */
  #paused = false;
  /** The commit index that has been sent in this state; so a rise is announced once. */
  #commitSent = 0;
  /** `match` at the last heartbeat reply: if it has not moved since, something was lost. */
  #matchAtHeartbeat = -1;
  #verifyDue = false;
  /** Whether it answered since the last look at the quorum, and whether it had at that look. */
  active = true;
  #wasActive = false;

  constructor(peer: NodeId, next: LogIndex, config: RaftConfig) {
    this.peer = peer;
    this.#next = next;
    this.#windowBytesMax = config.inflightBytesMax;
    this.#flightEnds = new Ring<number>(config.inflightMessagesMax);
    this.#flightBytes = new Ring<number>(config.inflightMessagesMax);
  }

  /** Whether it was heard of within the last two election timeouts. */
  get isAlive(): boolean {
    return this.active || this.#wasActive;
  }

  /** Begins another period in which it has to answer. */
  lookedAt(): void {
    this.#wasActive = this.active;
    this.active = false;
  }

  get state(): ProgressState {
    return this.#state;
  }

  get match(): LogIndex {
    return logIndex(this.#match);
  }

  get next(): LogIndex {
    return logIndex(this.#next);
  }

  /** Whether entries may be sent now. */
  get hasRoom(): boolean {
    if (this.#state === 'probe') return !this.#paused;
    if (this.#state === 'snapshot') return false;
    return this.#flightEnds.size < this.#flightEnds.limit && this.#bytesUnderWay < this.#windowBytesMax;
  }

  /** Whether a message without entries is owed: to probe, to look for a loss, or to announce a commit. */
  owesEmpty(commitIndex: LogIndex): boolean {
    if (this.#state === 'probe') return !this.#paused;
    if (this.#state === 'snapshot') return false;
    return this.#verifyDue || Math.min(commitIndex, this.#next - 1) > this.#commitSent;
  }

  /** An append that ends at `lastIndex` was sent; with no entries that is its prevIndex. */
  sent(lastIndex: number, bytes: number, commitIndex: LogIndex, hadEntries: boolean): void {
    this.#verifyDue = false;
    if (this.#state === 'probe') {
      this.#paused = true;
      return;
    }
    this.#commitSent = Math.max(this.#commitSent, Math.min(commitIndex, lastIndex));
    if (!hadEntries) return;
    this.#next = lastIndex + 1;
    this.#flightEnds.push(lastIndex);
    this.#flightBytes.push(bytes);
    this.#bytesUnderWay += bytes;
  }

  /** The peer has everything up to `index` on disk. True when that is news. */
  matched(index: LogIndex): boolean {
    const news = index > this.#match;
    if (news) this.#match = index;
    this.#next = Math.max(this.#next, this.#match + 1);
    while ((this.#flightEnds.peek() ?? Infinity) <= index) {
      this.#flightEnds.shift();
      this.#bytesUnderWay -= this.#flightBytes.shift()!;
    }
    return news;
  }

  /** The peer refused an append after `rejected`; `hint` is the last place where the logs may agree. */
  refused(rejected: LogIndex, hint: number): void {
    if (this.#state === 'replicate') {
      // Anything at or below match was accepted once, so this refusal is older than that.
      if (rejected > this.#match) this.becomeProbe();
    } else if (this.#state === 'probe' && rejected === this.#next - 1) {
      this.#next = Math.max(this.#match + 1, Math.min(rejected, hint + 1));
      // A peer that refuses what it once had on disk has lost it, and would refuse it again at once: heartbeats pace it.
      this.#paused = rejected <= this.#match;
    }
  }

  /** Whether the peer has everything up to `index`, and has been sent word that it is committed. */
  knowsCommitted(index: LogIndex): boolean {
    return this.#match >= index && this.#commitSent >= index;
  }

  /** A heartbeat came back: wake a waiting probe, and look for lost messages if nothing has moved since the last. */
  heartbeatReplied(lastIndex: LogIndex): void {
    this.active = true;
    this.#paused = false;
    if (this.#match < lastIndex && this.#match === this.#matchAtHeartbeat) this.#verifyDue = true;
    this.#matchAtHeartbeat = this.#match;
  }

  /** Has the next message ask how far the peer really is, in case something that was sent was lost. */
  verify(): void {
    if (this.#state === 'replicate') this.#verifyDue = true;
  }

  becomeProbe(): void {
    this.#enter('probe');
    this.#paused = false;
  }

  becomeReplicate(): void {
    this.#enter('replicate');
  }

  becomeSnapshot(): void {
    this.#enter('snapshot');
  }

  #enter(state: ProgressState): void {
    this.#state = state;
    this.#next = this.#match + 1;
    this.#commitSent = 0;
    this.#verifyDue = false;
    this.#flightEnds.clear();
    this.#flightBytes.clear();
    this.#bytesUnderWay = 0;
  }
}
