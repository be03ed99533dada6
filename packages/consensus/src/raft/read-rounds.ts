import type { LogIndex, NodeId } from '@tutti/kernel';
import type { Electorate } from './electorate.ts';

/** A read that waits at the leader: its own, or one that a peer forwarded. */
export interface WaitingRead {
  readonly from: NodeId;
  readonly requestId: number;
}

interface Round {
  readonly round: number;
  readonly index: LogIndex;
  readonly reads: readonly WaitingRead[];
  /** When its heartbeats were sent, if a lease is to run from there. */
  sentAtMs: number | undefined;
}

/** What a voter has answered: up to which round, and for how long it elects nobody else from hearing it. */
interface Answer {
  readonly round: number;
  readonly silentMs: number;
}

/** What a lease can rest on: when the newest round that a quorum confirmed was sent, and for how long one keeps silent. */
export interface Confirmed {
  readonly sentAtMs: number;
  readonly silentMs: number;
}

/** Rounds without reads that may be unconfirmed; beyond it the oldest is forgotten, and its lease was over anyway. */
const LEASE_ROUNDS_MAX = 64;

/**
 * The leader's half of ReadIndex (Raft thesis 6.4), for one term. Reads gather until a round is opened; its heartbeats
 * carry the round's number, and answers from a quorum prove that this node still led when the round began. Numbers
 * only rise, so an answer to a later round vouches for the earlier ones too, and never the other way about.
 */
export class ReadRounds {
  #waiting: WaitingRead[] = [];
  #rounds: Round[] = [];
  #last = 0;
  #size = 0;
  readonly #answered = new Map<NodeId, Answer>();
  readonly #readsMax: number;

  constructor(readsMax: number) {
    this.#readsMax = readsMax;
  }

  /** The newest round; 0 before the first. */
  get last(): number {
    return this.#last;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** False when too many wait already. */
  add(read: WaitingRead): boolean {
    if (this.#size >= this.#readsMax) return false;
    this.#size++;
    this.#waiting.push(read);
    return true;
  }

  /** Begins a round for all that wait; they may be answered at `commitIndex`. */
  open(commitIndex: LogIndex): void {
    const reads = this.#waiting;
    this.#waiting = [];
    this.#rounds.push({ round: ++this.#last, index: commitIndex, reads, sentAtMs: undefined });
  }

  /** Begins a round that goes out now, for the lease of a leader; the one just opened for reads goes out with it. */
  openForLease(sentAtMs: number): void {
    const newest = this.#rounds.at(-1);
    if (newest && newest.round === this.#last && newest.sentAtMs === undefined) newest.sentAtMs = sentAtMs;
    else {
      if (this.#rounds.length >= LEASE_ROUNDS_MAX && this.#rounds[0]!.reads.length === 0)
        this.#rounds.shift();
      this.#rounds.push({ round: ++this.#last, index: 0 as LogIndex, reads: [], sentAtMs });
    }
  }

  answered(from: NodeId, round: number, silentMs: number): void {
    if (round > this.#roundOf(from)) this.#answered.set(from, { round, silentMs });
  }

  #roundOf(voter: NodeId): number {
    return this.#answered.get(voter)?.round ?? 0;
  }

  /**
   * Takes out the rounds that a quorum has confirmed, and hands each read to `serve`.
   * @returns what a lease can rest on from now on, if it was noted when they were sent
   */
  takeConfirmed(
    self: NodeId,
    electorate: Electorate,
    serve: (read: WaitingRead, index: LogIndex) => void,
  ): Confirmed | undefined {
    if (this.#rounds.length === 0) return undefined;
    const confirmed = electorate.reached((voter) => (voter === self ? this.#last : this.#roundOf(voter)));
    let sentAt: number | undefined;
    while (this.#rounds.length > 0 && this.#rounds[0]!.round <= confirmed) {
      const { reads, index, sentAtMs } = this.#rounds.shift()!;
      this.#size -= reads.length;
      sentAt = sentAtMs ?? sentAt;
      for (const read of reads) serve(read, index);
    }
    if (sentAt === undefined) return undefined;
    return { sentAtMs: sentAt, silentMs: this.#silence(self, electorate, confirmed) };
  }

  /**
   * For how long a quorum of those who have answered `round` elects nobody else: whoever else is elected needs the vote
   * of one of them.
   */
  #silence(self: NodeId, electorate: Electorate, round: number): number {
    return electorate.reached((voter) => {
      if (voter === self) return Infinity;
      const answer = this.#answered.get(voter);
      return answer && answer.round >= round ? answer.silentMs : 0;
    });
  }

  /** Everything that was not confirmed; leadership is over. */
  takeAll(): readonly WaitingRead[] {
    const all = [...this.#rounds.flatMap((round) => round.reads), ...this.#waiting];
    this.#rounds = [];
    this.#waiting = [];
    this.#size = 0;
    return all;
  }
}
