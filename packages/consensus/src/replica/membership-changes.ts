import { CHANNEL, type Clock, type NodeId, type Term, TuttiError, type WireValue } from '@tutti/kernel';
import type { ProposeOptions } from '../consensus.ts';
import type { MembershipChange } from '../raft/membership-change.ts';
import type { RaftNode } from '../raft/raft-node.ts';
import { type ChangeReply, type ChangeRequest, changeFromWire, changeToWire } from './change-wire.ts';
import type { DriverParts } from './driver-parts.ts';
import { calledOff, cutShort, lapsed } from './lapsed.ts';

/** Told once how a change of the membership ended. */
export type ChangeCallback = (failure: Error | undefined) => void;

/** What a node that cannot begin a change now answers: the asker knows then that this attempt came to nothing. */
const LATER = 'TUTTI_NO_LEADER';

/** Ticks before an asker's time is up at which a leader gives up what waits, so that the asker is still told. */
const ANSWER_TICKS = 2;

/** Changes of one node that may wait for their end; and those that a leader remembers the askers of. */
const PENDING_MAX = 64;

/** Answers that a leader remembers, far more than there are copies of requests under way. */
const REPLIES_MAX = 1_024;

interface Pending {
  readonly id: string;
  readonly change: MembershipChange;
  readonly what: string;
  readonly done: ChangeCallback;
  readonly timeoutMs: number;
  readonly deadline: number;
  attempts: number;
  /** The last attempt: to whom, in which term, when, and whether it is known to have come to nothing. */
  last:
    | { readonly leader: NodeId; readonly term: Term; readonly at: number; cameToNothing: boolean }
    | undefined;
  stopListening: (() => void) | undefined;
}

/**
 * Changes of the membership that were asked for at this node, from the call to their end. Each has an id that the
 * configurations remember, so it may be asked for as often as needed, of whoever leads: it is carried out once.
 */
export class MembershipChanges {
  readonly #parts: DriverParts;
  readonly #core: RaftNode;
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #pending = new Map<string, Pending>();
  /** As leader, who asked for what has begun. */
  readonly #askers = new Map<string, NodeId>();
  /**
   * As leader of `#repliesTerm`, what was answered: whoever was told that nothing has happened must not find later that
   * a second copy of the request was carried out.
   */
  readonly #replies = new Map<string, ChangeReply>();
  #repliesTerm: Term | undefined;
  /** The change whose end by giving up has been told. */
  #toldDropped: string | undefined;

  constructor(parts: DriverParts, core: RaftNode, newId: () => string) {
    this.#parts = parts;
    this.#core = core;
    this.#newId = newId;
    this.#clock = parts.options.clock;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** @throws TuttiError `TUTTI_OVERLOADED` */
  add(change: MembershipChange, options: ProposeOptions | undefined, done: ChangeCallback): void {
    if (this.#pending.size >= PENDING_MAX)
      throw new TuttiError('TUTTI_OVERLOADED', {
        what: 'The queue of membership changes',
        size: this.#pending.size,
        limit: PENDING_MAX,
      });
    const timeoutMs = options?.timeoutMs ?? this.#parts.config.timeoutMs;
    const pending: Pending = {
      id: this.#newId(),
      change,
      what: `The membership change "${change.type}"`,
      done,
      timeoutMs,
      deadline: this.#clock.now() + timeoutMs,
      attempts: 0,
      last: undefined,
      stopListening: undefined,
    };
    const { signal } = options ?? {};
    if (signal) {
      const onAbort = () => this.#settle(pending, calledOff(pending));
      signal.addEventListener('abort', onAbort, { once: true });
      pending.stopListening = () => signal.removeEventListener('abort', onAbort);
    }
    this.#pending.set(pending.id, pending);
  }

  /** Asks for what has not been asked for, or in vain, and answers what the log shows to be done. */
  pump(): void {
    this.#tellDropped();
    if (this.#pending.size === 0) return;
    const { membership, membershipIndex, commitIndex, leader } = this.#core;
    const isSettled = membershipIndex <= commitIndex && membership.outgoing === undefined;
    for (const pending of this.#pending.values()) {
      if (isSettled && membership.changes?.includes(pending.id)) this.#settle(pending, undefined);
      else if (leader !== undefined && this.#isLost(pending)) this.#ask(pending, leader);
    }
  }

  #isLost({ last }: Pending): boolean {
    if (!last || last.leader !== this.#core.leader || last.term !== this.#core.term) return true;
    return this.#clock.now() - last.at >= this.#parts.config.resendMs;
  }

  #ask(pending: Pending, leader: NodeId): void {
    const { id, change, deadline } = pending;
    const waitMs = deadline - this.#clock.now();
    const { nodeId } = this.#parts.options;
    const { term } = this.#core;
    const request: ChangeRequest = { type: 'changeRequest', id, change, waitMs, term };
    let isSent = true;
    if (leader === nodeId) {
      const reply = this.#carryOut(request);
      if (reply === 'later') isSent = false;
      else if (reply) return this.#settle(pending, reply.refusal);
    } else isSent = this.#send(leader, request);
    if (!isSent) return;
    pending.attempts++;
    pending.last = { leader, term, at: this.#clock.now(), cameToNothing: false };
  }

  /** What to answer at once, if anything; `later`: to be asked again. */
  #carryOut({ id, change, waitMs, term }: ChangeRequest): ChangeReply | 'later' | undefined {
    if (term !== undefined && term !== this.#core.term) return 'later';
    const given = this.#repliesOfTerm().get(id);
    if (given) return given;
    const waitTicks = Math.max(1, Math.ceil(waitMs / this.#parts.config.tickMs) - ANSWER_TICKS);
    try {
      const outcome = this.#core.changeMembership(id, change, waitTicks);
      if (outcome === 'later' || outcome === undefined) return 'later';
      return outcome === 'done' ? this.#reply(id, undefined) : undefined;
    } catch (thrown) {
      if (thrown instanceof TuttiError) return this.#reply(id, thrown);
      throw thrown;
    }
  }

  /** Those of another term count no more: a leader in between may have carried out what was refused here. */
  #repliesOfTerm(): Map<string, ChangeReply> {
    const { term } = this.#core;
    if (term !== this.#repliesTerm) this.#replies.clear();
    this.#repliesTerm = term;
    return this.#replies;
  }

  #reply(id: string, refusal: TuttiError | undefined): ChangeReply {
    const reply: ChangeReply = { type: 'changeReply', id, refusal };
    const replies = this.#repliesOfTerm().set(id, reply);
    if (replies.size > REPLIES_MAX) replies.delete(replies.keys().next().value!);
    return reply;
  }

  received(from: NodeId, value: WireValue): void {
    const message = changeFromWire(value);
    if (!message) this.#parts.stats.malformed++;
    else if (message.type === 'changeRequest') {
      const reply = this.#carryOut(message);
      if (reply === 'later')
        this.#send(from, { type: 'changeReply', id: message.id, refusal: this.#later(message) });
      else if (reply) this.#send(from, reply);
      else this.#remember(message.id, from);
    } else this.#answered(from, message);
  }

  #remember(id: string, asker: NodeId): void {
    this.#askers.delete(id);
    this.#askers.set(id, asker);
    if (this.#askers.size > PENDING_MAX) this.#askers.delete(this.#askers.keys().next().value!);
  }

  /** New voters did not catch up in time: whoever asked is told that it has come to nothing. */
  #tellDropped(): void {
    const { droppedChange } = this.#core;
    if (!droppedChange || droppedChange.id === this.#toldDropped) return;
    const { id, behind } = droppedChange;
    this.#toldDropped = id;
    const reply = this.#reply(id, new TuttiError('TUTTI_MEMBER_BEHIND', { node: behind }));
    const asker = this.#askers.get(id);
    if (asker !== undefined) this.#send(asker, reply);
    else this.#answered(this.#parts.options.nodeId, reply);
  }

  #later(asked: ChangeRequest): TuttiError {
    const { id, term } = this.#core;
    const known =
      asked.term === undefined || asked.term === term
        ? `${id} has only begun to lead in term ${term}`
        : `${id} was asked as leader of term ${asked.term}, and is in term ${term}`;
    return new TuttiError(LATER, { known });
  }

  /** An answer from the node that was asked. It is asked again after a while, or another that leads by then. */
  #answered(from: NodeId, { id, refusal }: ChangeReply): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    // An earlier leader may refuse what a later one has begun.
    if (refusal && from !== pending.last?.leader) return;
    if (refusal?.code !== LATER) this.#settle(pending, refusal);
    else if (pending.last && !pending.last.cameToNothing) {
      pending.last.cameToNothing = true;
      pending.attempts--;
    }
  }

  #send(to: NodeId, message: ChangeRequest | ChangeReply): boolean {
    const { transport } = this.#parts.options;
    return transport.send(to, CHANNEL.consensus, changeToWire(message), 'control') === 'queued';
  }

  /** Gives up what has waited too long. */
  expire(now: number, leaderless: boolean): void {
    for (const pending of this.#pending.values())
      if (now >= pending.deadline || (leaderless && pending.attempts === 0))
        this.#settle(pending, lapsed(pending, this.#core.leader, this.#pending.size));
  }

  close(failure: () => TuttiError): void {
    for (const pending of this.#pending.values()) this.#settle(pending, cutShort(pending, failure()));
  }

  /** Forgets everything without a word. */
  drop(): void {
    for (const pending of this.#pending.values()) pending.stopListening?.();
    this.#pending.clear();
  }

  #settle(pending: Pending, failure: Error | undefined): void {
    if (!this.#pending.delete(pending.id)) return;
    pending.stopListening?.();
    pending.done(failure);
  }
}
