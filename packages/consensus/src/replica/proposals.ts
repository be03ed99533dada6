import { type Clock, type NodeId, Ring, type Term, TuttiError, type WireValue } from '@tutti/kernel';
import type { ProposeOptions } from '../consensus.ts';
import { type CommandId, encodeCommand, encodeOpening } from './command.ts';
import { calledOff, cutShort, lapsed, turnedAway } from './lapsed.ts';
import type { ReplicaConfig } from './replica-options.ts';
import type { ReplicaStats } from './replica-stats.ts';
import type { Outcome, SessionTable } from './session-table.ts';
import type { StageWatch } from './stage-times.ts';

/** Told once how a proposal ended. */
export type ProposeCallback = (failure: Error | undefined, result?: WireValue) => void;

/** Where proposals go now. */
export interface ProposalRoute {
  readonly term: Term;
  /** Undefined while no leader is known. */
  readonly leader: NodeId | undefined;
  /** Appends to this node's own log, as leader; false when it cannot take more now. */
  propose(frame: Uint8Array): boolean;
  /** Sends to the leader; false when the link takes nothing now. */
  forward(frames: readonly Uint8Array[]): boolean;
  /** What is told whose command is only for a leader to take, where none is. */
  refusal(): TuttiError;
}

/** One attempt to get a frame into the log: by whom, in which term, and when. */
interface Attempt {
  readonly term: Term;
  readonly leader: NodeId;
  readonly at: number;
}

interface Pending {
  readonly name: Uint8Array;
  readonly body: Uint8Array;
  readonly what: string;
  readonly done: ProposeCallback;
  readonly timeoutMs: number;
  readonly calledAt: number;
  readonly deadline: number;
  /** Whether it is only for a leader to take. */
  readonly refuses: boolean;
  stopListening: (() => void) | undefined;
  session: number;
  sequence: number;
  frame: Uint8Array | undefined;
  attempts: number;
  last: Attempt | undefined;
  settled: boolean;
}

interface Opening {
  readonly nonce: string;
  readonly frame: Uint8Array;
  last: Attempt | undefined;
}

/**
 * How far the sequences sent may be ahead of the oldest without a result, in multiples of `pendingMax`. All nodes keep
 * the results from there on, so this bounds what a session takes in the replicated state.
 */
const SEQUENCES_AHEAD = 4;
/** The most bytes of frames in one forwarding message. */
const FORWARD_BYTES_MAX = 256 * 1024;

const decoder = new TextDecoder();

/**
 * The commands that this node wants in the log, from the call to their result. Each has a sequence in this node's
 * client session, so it may be sent as often as needed: the log applies it once, and the result is recognised by its
 * sequence when this node applies the entry, whoever led by then (Raft thesis 6.3).
 */
export class Proposals {
  readonly #clock: Clock;
  readonly #config: Required<ReplicaConfig>;
  readonly #self: NodeId;
  readonly #newNonce: () => string;
  readonly #stats: ReplicaStats;
  readonly #stages: StageWatch;
  /** Not given a sequence yet: there is no session, or no leader. Those that were settled meanwhile are in it still. */
  readonly #waiting: Ring<Pending>;
  #settledWaiting = 0;
  /** Given a sequence, oldest first. */
  readonly #sent = new Map<number, Pending>();
  #session: number | undefined;
  #opening: Opening | undefined;
  #nextSequence = 1;
  /** Every sequence below it has its result. */
  #oldest = 1;
  #closed = false;
  /** Whether a command is to be sent anew as if it never had been: by now this node may not lead any more. */
  #cameBack = false;

  constructor(
    clock: Clock,
    config: Required<ReplicaConfig>,
    self: NodeId,
    newNonce: () => string,
    stats: ReplicaStats,
    stages: StageWatch,
  ) {
    this.#stages = stages;
    this.#clock = clock;
    this.#config = config;
    this.#self = self;
    this.#newNonce = newNonce;
    this.#stats = stats;
    // As many again as may wait: those that are settled go when they are more than half.
    this.#waiting = new Ring<Pending>(2 * config.pendingMax);
  }

  get size(): number {
    return this.#waiting.size - this.#settledWaiting + this.#sent.size;
  }

  /** Takes a command in. @throws TuttiError `TUTTI_OVERLOADED`, `TUTTI_PROPOSAL_TOO_LARGE` */
  add(
    what: string,
    name: Uint8Array,
    body: Uint8Array,
    options: ProposeOptions | undefined,
    done: ProposeCallback,
  ): void {
    const { commandBytesMax, pendingMax } = this.#config;
    if (body.length > commandBytesMax)
      throw new TuttiError('TUTTI_PROPOSAL_TOO_LARGE', { bytes: body.length, limitBytes: commandBytesMax });
    if (this.size >= pendingMax)
      throw new TuttiError('TUTTI_OVERLOADED', {
        what: 'The queue of proposals',
        size: this.size,
        limit: pendingMax,
      });
    const timeoutMs = options?.timeoutMs ?? this.#config.timeoutMs;
    const calledAt = this.#clock.now();
    const pending: Pending = {
      name,
      body,
      what,
      done,
      timeoutMs,
      calledAt,
      deadline: calledAt + timeoutMs,
      refuses: (options?.elsewhere ?? this.#config.elsewhere) === 'refuse',
      stopListening: undefined,
      session: 0,
      sequence: 0,
      frame: undefined,
      attempts: 0,
      last: undefined,
      settled: false,
    };
    if (options?.signal) this.#listen(pending, options.signal);
    if (2 * this.#settledWaiting > this.#waiting.size) this.#compact();
    this.#waiting.push(pending);
    this.#stats.proposed++;
  }

  #listen(pending: Pending, signal: AbortSignal): void {
    const onAbort = () => this.#settle(pending, calledOff(pending));
    signal.addEventListener('abort', onAbort, { once: true });
    pending.stopListening = () => signal.removeEventListener('abort', onAbort);
  }

  /** Lets go of what was settled while it waited, in one walk for as many as have come since the last. */
  #compact(): void {
    for (let left = this.#waiting.size; left > 0; left--) {
      const pending = this.#waiting.shift()!;
      if (!pending.settled) this.#waiting.push(pending);
    }
    this.#settledWaiting = 0;
  }

  /** The first that waits and is not settled. */
  #head(): Pending | undefined {
    for (let head = this.#waiting.peek(); head?.settled; head = this.#waiting.peek()) {
      this.#waiting.shift();
      this.#settledWaiting--;
    }
    return this.#waiting.peek();
  }

  /** Sends what is new. Call when something was added, and when session or leader became known. */
  pump(route: ProposalRoute): void {
    if (this.#cameBack) {
      this.#cameBack = false;
      if (route.leader !== this.#self) this.refuseUnsent(() => route.refusal());
    }
    if (route.leader === undefined || (this.#waiting.size === 0 && this.#session !== undefined)) return;
    if (this.#session === undefined) return this.#open(route);
    const batch = new Batch(route, this.#self, this.#clock.now());
    const aheadMax = SEQUENCES_AHEAD * this.#config.pendingMax;
    for (let pending = this.#head(); pending; pending = this.#head()) {
      if (this.#nextSequence - this.#oldestUnanswered() >= aheadMax) break;
      pending.session = this.#session;
      pending.sequence = this.#nextSequence;
      pending.frame = encodeCommand(
        pending.name,
        pending.body,
        pending.session,
        pending.sequence,
        this.#oldestUnanswered(),
      );
      if (!batch.put(pending)) break;
      this.#nextSequence++;
      this.#waiting.shift();
      this.#sent.set(pending.sequence, pending);
      this.#stages.record('propose', pending.calledAt);
    }
    batch.end();
  }

  /** Counted on rather than asked of the map, which would step over everything that has left it at its front. */
  #oldestUnanswered(): number {
    while (this.#oldest < this.#nextSequence && !this.#sent.has(this.#oldest)) this.#oldest++;
    return this.#oldest;
  }

  /** A session is opened when there is something to say in it. */
  #open(route: ProposalRoute): void {
    if (!this.#head()) return;
    if (!this.#opening) {
      const nonce = this.#newNonce();
      this.#opening = { nonce, frame: encodeOpening(nonce, this.#config.sessionsMax), last: undefined };
    }
    const opening = this.#opening;
    if (!this.#isLost(opening.last, route)) return;
    const sent = route.leader === this.#self ? route.propose(opening.frame) : route.forward([opening.frame]);
    if (sent) opening.last = { term: route.term, leader: route.leader!, at: this.#clock.now() };
  }

  /**
   * Whether an attempt must be taken for lost: leader or term changed, or a forwarded one has been silent for too
   * long. What a leader appended itself cannot be lost while it leads.
   */
  #isLost(attempt: Attempt | undefined, route: ProposalRoute): boolean {
    if (!attempt) return true;
    if (attempt.term !== route.term || attempt.leader !== route.leader) return true;
    return attempt.leader !== this.#self && this.#clock.now() - attempt.at >= this.#config.resendMs;
  }

  /** Sends again what may have been lost. Call on each tick, and when term or leader changed. */
  resend(route: ProposalRoute): void {
    if (route.leader === undefined) return;
    const batch = new Batch(route, this.#self, this.#clock.now());
    for (const pending of this.#sent.values()) {
      if (!this.#isLost(pending.last, route)) continue;
      if (!batch.put(pending)) break;
      this.#stats.resent++;
    }
    batch.end();
    this.pump(route);
  }

  /** The link to a peer came up anew: what was forwarded to it over the old one may be lost. */
  linkRenewed(peer: NodeId): void {
    for (const pending of this.#sent.values()) if (pending.last?.leader === peer) pending.last = undefined;
    if (this.#opening?.last?.leader === peer) this.#opening.last = undefined;
  }

  /**
   * Gives up what has waited too long. `leaderless`: no leader has been known for so long that waiting is no use.
   * @param leader Whom this node takes for the leader.
   */
  expire(now: number, leaderless: boolean, leader: NodeId | undefined): void {
    const isDue = (pending: Pending) => now >= pending.deadline || (leaderless && pending.attempts === 0);
    for (const queue of [this.#waiting, this.#sent.values()])
      for (const pending of queue)
        if (!pending.settled && isDue(pending))
          this.#settle(pending, lapsed(pending, leader, this.#sent.size));
    this.#head();
  }

  /** This node leads no more: what is only for a leader to take, and was not taken, goes nowhere else. */
  refuseUnsent(refusal: () => TuttiError): void {
    for (const pending of [...this.#waiting, ...this.#sent.values()])
      if (pending.refuses && pending.attempts === 0) this.#settle(pending, refusal());
  }

  /** The leader that was asked last has not taken this command into its log: it does not have the module. */
  refused(leader: NodeId, { session, sequence }: CommandId): void {
    const pending = this.#sent.get(sequence);
    if (pending?.session !== session || pending.last?.leader !== leader) return;
    const module = decoder.decode(pending.name);
    const refusal = new TuttiError('TUTTI_MODULE_UNKNOWN', { module, who: `the leader ${leader}` });
    this.#settle(pending, turnedAway(pending, refusal));
  }

  /** This node's session was opened by an entry that it has applied. */
  sessionOpened(nonce: string, session: number): void {
    if (this.#opening?.nonce !== nonce) return;
    this.#opening = undefined;
    this.#session = session;
  }

  /** A command of some session was applied; if it is one of ours, it is answered. */
  commandApplied(session: number, sequence: number, outcome: Outcome | 'expired'): void {
    const pending = this.#sent.get(sequence);
    if (pending?.session !== session) return;
    if (outcome === 'expired') return this.#metForgotten(pending);
    if ('result' in outcome) this.#settle(pending, undefined, outcome.result);
    else this.#settle(pending, outcome.refusal);
  }

  /**
   * A command that was sent once and met a forgotten session was certainly not applied: it goes out again in a new
   * session. After several attempts an earlier one may have been applied before the session was forgotten.
   */
  #metForgotten(pending: Pending): void {
    if (this.#session === pending.session) this.#session = undefined;
    if (pending.attempts === 1 && this.#waiting.push(pending)) {
      this.#sent.delete(pending.sequence);
      pending.attempts = 0;
      pending.last = undefined;
      this.#cameBack = true;
      return;
    }
    this.#sessionExpired(pending);
  }

  #sessionExpired(pending: Pending): void {
    this.#settle(pending, new TuttiError('TUTTI_SESSION_EXPIRED', { session: pending.session }));
  }

  /**
   * The state was replaced as a whole: what it knows of our commands is their answer. Where it no longer has their
   * session, it may hold what they did: a copy of one that is applied later, and found to have no session, says nothing
   * of that.
   */
  restored(sessions: SessionTable): void {
    for (const pending of this.#sent.values()) {
      const outcome = sessions.outcomeOf(pending.session, pending.sequence);
      if (outcome) this.commandApplied(pending.session, pending.sequence, outcome);
      else if (pending.attempts > 0 && !sessions.has(pending.session)) this.#sessionExpired(pending);
    }
    if (this.#session !== undefined && !sessions.has(this.#session)) this.#session = undefined;
    if (this.#opening) this.#lookFor(this.#opening, sessions);
  }

  /**
   * The entry that answers an opening may be one that a snapshot stands for. Where that does not tell all nonces, another
   * has to be sent: a leader that knows the session by this one would let it be.
   */
  #lookFor(opening: Opening, sessions: SessionTable): void {
    const session = sessions.sessionOf(opening.nonce);
    if (session !== undefined) this.sessionOpened(opening.nonce, session);
    else if (sessions.namesAll) opening.last = undefined;
    else this.#opening = undefined;
  }

  /** Fails everything, now and from now on. */
  close(failure: () => TuttiError): void {
    this.#closed = true;
    for (const pending of [...this.#sent.values(), ...this.#waiting])
      this.#settle(pending, cutShort(pending, failure()));
    this.#waiting.clear();
    this.#settledWaiting = 0;
  }

  /** Forgets everything without a word. */
  drop(): void {
    for (const pending of [...this.#sent.values(), ...this.#waiting]) pending.stopListening?.();
    this.#sent.clear();
    this.#waiting.clear();
    this.#settledWaiting = 0;
    this.#closed = true;
  }

  get closed(): boolean {
    return this.#closed;
  }

  #settle(pending: Pending, failure: Error | undefined, result?: WireValue): void {
    if (pending.settled) return;
    pending.settled = true;
    pending.stopListening?.();
    if (!this.#sent.delete(pending.sequence)) this.#settledWaiting++;
    if (!failure) this.#stages.record('answer', pending.calledAt);
    pending.done(failure, result);
  }
}

/** Collects what one turn sends, so that frames for another node travel in few messages. */
class Batch {
  readonly #route: ProposalRoute;
  readonly #local: boolean;
  readonly #now: number;
  #collected: Pending[] = [];
  #bytes = 0;
  #full = false;

  constructor(route: ProposalRoute, self: NodeId, now: number) {
    this.#route = route;
    this.#local = route.leader === self;
    this.#now = now;
  }

  /** False when no more is taken now; the one offered was not sent. */
  put(pending: Pending): boolean {
    if (this.#full) return false;
    if (this.#local) {
      if (this.#route.propose(pending.frame!)) this.#mark(pending);
      else this.#full = true;
      return !this.#full;
    }
    this.#collected.push(pending);
    this.#bytes += pending.frame!.length;
    if (this.#bytes >= FORWARD_BYTES_MAX) this.end();
    return true;
  }

  end(): void {
    if (this.#collected.length === 0) return;
    const sent = this.#route.forward(this.#collected.map((pending) => pending.frame!));
    if (sent) for (const pending of this.#collected) this.#mark(pending);
    else this.#full = true;
    this.#collected = [];
    this.#bytes = 0;
  }

  #mark(pending: Pending): void {
    pending.attempts++;
    pending.last = { term: this.#route.term, leader: this.#route.leader!, at: this.#now };
  }
}
