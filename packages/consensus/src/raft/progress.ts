import { type LogIndex, logIndex, type NodeId } from '@tutti/kernel';
import type { RaftConfig } from './config.ts';
import { FlightWindow } from './flight-window.ts';

/**
 * - `probe`: where the logs part is not known; one message at a time, sent again on a sign of life.
 * - `replicate`: the peer keeps up; entries are sent ahead of its answers, within a window.
 * - `snapshot`: what it lacks has been compacted; entries wait until a snapshot is installed.
 */
export type ProgressState = 'probe' | 'replicate' | 'snapshot';

/** Refusals in one search, a term each, after which it goes back by strides that double. */
const REFUSALS_BY_TERM = 16;
/** Conflicts in a row that cost nothing but their round trips. */
const CONFLICTS_FREE = 2;
/** So many probes in a row have to be refused before a peer is taken to have lost what it acknowledged. */
const DENIALS = 2;

/** What a leader knows of one peer (Raft figure 2: nextIndex, matchIndex), and how much it may send ahead. */
export class Progress {
  readonly peer: NodeId;
  readonly #window: FlightWindow;
  readonly #electionTimeoutTicks: number;
  #state: ProgressState = 'probe';
  #match: number = 0;
  #next: number;
  /** Nothing is sent before an answer or a heartbeat's reply: a probe is out, the link took no more, or it cannot be read. */
  #paused = false;
  /** By `ticks`; a heartbeat's reply before it wakes nothing. */
  #pausedUntil = 0;
  /** Refusals of the search for where the logs part. */
  #refusals = 0;
  /** Times that the peer refused what it was sent ahead, or what it had acknowledged, since a round trip went well. */
  #conflicts = 0;
  /** A probe is out that nothing has been answered to. */
  #probing = false;
  /** Probes after `match` that the peer has refused in a row. */
  #denials = 0;
  /** The commit index that has been sent in this state; so a rise is announced once. */
  #commitSent = 0;
  /** `match` at the last heartbeat reply: if it has not moved since, something was lost. */
  #matchAtHeartbeat = -1;
  #heartbeatAtTick = -1;
  /** When `match` was last seen to move, or nothing was owed. */
  #movedAtTick = 0;
  #verifyDue = false;
  /** Whether it answered since the last look at the quorum, and whether it had at that look. */
  active = true;
  #wasActive = true;

  constructor(peer: NodeId, next: LogIndex, config: RaftConfig) {
    this.peer = peer;
    this.#next = next;
    this.#electionTimeoutTicks = config.electionTimeoutTicks;
    this.#window = new FlightWindow({
      messagesMax: config.inflightMessagesMax,
      bytesMax: config.inflightBytesMax,
    });
  }

  /** Whether it was heard of within the last two election timeouts, or nobody has looked yet. */
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

  /** How many messages may be under way now. */
  get windowMessages(): number {
    return this.#window.messages;
  }

  /** Whether entries may be sent now. */
  get hasRoom(): boolean {
    if (this.#paused || this.#state === 'snapshot') return false;
    return this.#state === 'probe' || this.#window.hasRoom;
  }

  /** Whether a message without entries is owed: to probe, to look for a loss, or to announce a commit. */
  owesEmpty(commitIndex: LogIndex): boolean {
    if (this.#paused || this.#state === 'snapshot') return false;
    if (this.#state === 'probe') return true;
    return this.#verifyDue || Math.min(commitIndex, this.#next - 1) > this.#commitSent;
  }

  /** An append that ends at `lastIndex` was sent at `tick`; with no entries that is its prevIndex. */
  sent(lastIndex: number, bytes: number, commitIndex: LogIndex, hadEntries: boolean, tick: number): void {
    this.#verifyDue = false;
    if (this.#state === 'probe') {
      // Reads make heartbeats as often as there are turns: their replies must not repeat a probe that is on its way.
      this.#pause(tick + 1);
      this.#probing = true;
      return;
    }
    this.#commitSent = Math.max(this.#commitSent, Math.min(commitIndex, lastIndex));
    if (!hadEntries) return;
    this.#next = lastIndex + 1;
    this.#window.sent(lastIndex, bytes);
  }

  /**
   * The link did not take the append that was to follow `prevIndex`, nor will it take another at once: what it was to
   * bring goes again when the peer has answered something.
   */
  unsent(prevIndex: number, tick: number): void {
    if (this.#state === 'snapshot') return;
    // One link that is full is one sign, however many messages it refuses.
    if (!this.#paused) this.#window.halve();
    this.#pause(tick + 1);
    if (this.#state === 'probe' || prevIndex < this.#match) return;
    this.#window.takeBack(prevIndex);
    this.#next = Math.min(this.#next, prevIndex + 1);
    this.#commitSent = 0;
    this.#verifyDue = true;
  }

  /** What it needs next cannot be read here at present. */
  unreadable(tick: number): void {
    this.#pause(tick + 1);
  }

  #pause(untilTick: number): void {
    this.#paused = true;
    this.#pausedUntil = Math.max(this.#pausedUntil, untilTick);
  }

  /** The peer has everything up to `index` on disk. True when that is news. */
  matched(index: LogIndex): boolean {
    const news = index > this.#match;
    if (news) this.#match = index;
    this.#next = Math.max(this.#next, this.#match + 1);
    if (this.#window.acknowledged(index)) this.#conflicts = 0;
    this.#paused = false;
    this.#denials = 0;
    return news;
  }

  /**
   * The peer refused an append after `rejected`; `hint` is the last place where the logs may agree.
   * @returns whether it turns out to have lost what it had acknowledged
   */
  refused(rejected: LogIndex, hint: number, tick: number): boolean {
    if (this.#state === 'replicate') {
      // Anything at or below match was accepted once, so this refusal is older than that.
      if (rejected <= this.#match) return false;
      this.#window.halve();
      this.becomeProbe();
      this.#conflict(tick);
    } else if (this.#state === 'probe' && rejected === this.#next - 1) {
      if (rejected <= this.#match) return this.#denied(rejected, hint, tick);
      this.#next = Math.max(this.#match + 1, Math.min(rejected, this.#furtherBack(rejected, hint) + 1));
      this.#paused = false;
    }
    return false;
  }

  /**
   * The peer refuses what follows `match`, which it has said is on its disk. Once, that may be an old refusal that comes
   * late. Where the next probe is refused as well, the peer has lost it, with its disk or with the last of what a drive
   * had not really flushed: what it acknowledged counts for nothing that is still to be committed, and where the logs
   * part is searched anew. What is committed already stays so.
   */
  #denied(rejected: LogIndex, hint: number, tick: number): boolean {
    // It would refuse the same again at once: heartbeats pace it.
    this.#pause(tick);
    this.#conflict(tick);
    if (this.#probing && this.#match > 0) this.#denials++;
    this.#probing = false;
    if (this.#denials < DENIALS) return false;
    this.#match = 0;
    this.becomeProbe();
    this.#next = Math.min(rejected, hint + 1);
    return true;
  }

  /**
   * Where to look next: where the terms say. In logs of very many terms that takes too long; with strides that double it
   * ends after as many more refusals as the distance has binary digits, and at most so far back again as it had to go.
   */
  #furtherBack(rejected: number, hint: number): number {
    const beyond = ++this.#refusals - REFUSALS_BY_TERM;
    return beyond > 0 ? Math.min(hint, rejected - 2 ** Math.min(beyond, 30)) : hint;
  }

  /**
   * What was sent ahead did not fit, or what was acknowledged is gone. Now and then that is a lost message; again and
   * again it is a peer that answers at the speed of the network and never gets anywhere: it is asked more and more
   * seldom, though once in an election timeout at least.
   */
  #conflict(tick: number): void {
    const beyond = ++this.#conflicts - CONFLICTS_FREE;
    if (beyond > 0) this.#pause(tick + Math.min(2 ** Math.min(beyond - 1, 30), this.#electionTimeoutTicks));
  }

  /** Whether the peer has everything up to `index`, and has been sent word that it is committed. */
  knowsCommitted(index: LogIndex): boolean {
    return this.#match >= index && this.#commitSent >= index;
  }

  /**
   * A heartbeat came back at `tick`: wake what waits for a sign of life, look for lost messages if nothing has moved
   * since the last, and send less ahead if nothing has for an election timeout.
   * @param peerLast Where the peer's log ends. If that is before what it acknowledged, it is asked for that.
   */
  heartbeatReplied(lastIndex: LogIndex, tick: number, peerLast: LogIndex): void {
    this.active = true;
    if (tick >= this.#pausedUntil) this.#paused = false;
    const isBehind = peerLast < this.#match && this.#match === this.#matchAtHeartbeat;
    if (isBehind && this.#state === 'replicate' && tick > this.#heartbeatAtTick) this.becomeProbe();
    if (this.#match >= lastIndex || this.#match !== this.#matchAtHeartbeat) this.#movedAtTick = tick;
    // Those of reads come several in a tick; the time between two of them is no time to miss anything.
    else if (tick > this.#heartbeatAtTick) this.#verifyDue = true;
    if (tick - this.#movedAtTick >= this.#electionTimeoutTicks && this.#window.underWay > 0) {
      this.#window.halve();
      this.#movedAtTick = tick;
    }
    this.#matchAtHeartbeat = this.#match;
    this.#heartbeatAtTick = tick;
  }

  /** Has the next message ask how far the peer really is, in case something that was sent was lost. */
  verify(): void {
    if (this.#state === 'replicate') this.#verifyDue = true;
  }

  /** Nothing has to be waited for on a new link; what was under way on the old one may be lost, and says nothing. */
  linkRenewed(): void {
    this.#paused = false;
    this.#probing = false;
    this.#denials = 0;
    if (this.#match < this.#next - 1) this.verify();
  }

  becomeProbe(): void {
    this.#enter('probe');
    this.#refusals = 0;
    this.#paused = false;
  }

  becomeReplicate(): void {
    this.#enter('replicate');
  }

  becomeSnapshot(): void {
    this.#enter('snapshot');
  }

  /** A snapshot did not get there. The way is not free at once either: a sign of life brings the next attempt. */
  snapshotFailed(tick: number): void {
    this.becomeProbe();
    this.#pause(tick + 1);
  }

  #enter(state: ProgressState): void {
    this.#state = state;
    this.#next = this.#match + 1;
    this.#probing = false;
    this.#denials = 0;
    this.#commitSent = 0;
    this.#verifyDue = false;
    this.#window.clear();
  }
}
