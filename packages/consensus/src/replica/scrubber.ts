import { type Clock, type Logger, logIndex, type NodeId, type Random } from '@tutti/kernel';
import { firstRequestOf } from '../raft/first-request.ts';
import type { Entry } from '../raft/messages.ts';
import { isSound, NO_TERM, type RepairReply, type RepairRequest } from '../raft/repair.ts';
import type { LogStore } from '../storage/log-store.ts';
import type { ScrubDamage } from '../storage/scrub.ts';
import type { LostRange } from '../storage/store-damage.ts';
import type { ReplicaConfig } from './replica-options.ts';
import type { ReplicaStats } from './replica-stats.ts';
import { PIECE_BYTES, RETRY_MS, ScrubPace } from './scrub-pace.ts';

/** A peer that has not answered after this long is passed over for the next. */
const ANSWER_MS = 300;
/** Each peer is asked so often for the same; then what has come is made do with. */
const ROUNDS = 3;

export interface ScrubberParts {
  readonly self: NodeId;
  readonly store: LogStore;
  readonly clock: Clock;
  readonly random: Random;
  /** See `lifeOf`. */
  readonly life: number;
  readonly config: Required<ReplicaConfig>;
  readonly logger: Logger;
  readonly stats: ReplicaStats;
  /** Whether something is being written, or waits to be. */
  readonly isWriting: () => boolean;
  /** The other members of the group. */
  readonly peers: () => readonly NodeId[];
  readonly send: (request: RepairRequest) => void;
  /** Has the snapshot replaced by a new one, and calls back when it is there, or could not be written. */
  readonly demandSnapshot: (done: (failure: Error | undefined) => void) => void;
  /** Has ticks come again, where a group that has nothing to do sleeps. */
  readonly wake: () => void;
}

/** What is being fetched: the ranges that are left, and what has come. */
interface Fetch {
  readonly lost: LostRange[];
  readonly entries: Entry[];
  readonly peers: readonly NodeId[];
  /** How often somebody was asked, in vain, for the first of the ranges. */
  failures: number;
  asked: RepairRequest | undefined;
  askedAt: number;
}

/**
 * Reads a store that is in use again, at a pace, and has what decayed put right: a snapshot is taken once more from the
 * state, which is whole; entries of the log come from peers. A node whose disk decays has forgotten nothing while it
 * runs: it knows the term of each entry, so anybody's entry of that index and term is the one that stood there, and it
 * need not abstain. Only a restart would make it, if it came before the damage is mended.
 */
export class Scrubber {
  readonly #parts: ScrubberParts;
  readonly #pace: ScrubPace;
  #nextId: number;
  #busy = false;
  #ended = false;
  #fetch: Fetch | undefined;
  /** Damage that could not be mended yet, and when that is tried again. */
  #open: { readonly damage: ScrubDamage; readonly at: number } | undefined;

  constructor(parts: ScrubberParts) {
    this.#parts = parts;
    this.#nextId = firstRequestOf(parts.random, parts.life);
    this.#pace = new ScrubPace(parts.clock, parts.config);
    parts.store.onDecay?.((damage) => this.#told(damage));
  }

  /** Whether there is damage that is not mended yet. */
  get isBusy(): boolean {
    return this.#open !== undefined;
  }

  tick(): void {
    const { clock, store } = this.#parts;
    if (this.#ended) return;
    const now = clock.now();
    const turn = this.#pace.tick();
    if (this.#fetch) return this.#waitForAnswer(this.#fetch, now);
    if (this.#busy) return;
    if (this.#open) {
      if (now >= this.#open.at) this.#mendOrFetch(this.#open.damage);
    } else if (store.scrub && (turn === 'now' || (turn === 'when idle' && !this.#parts.isWriting())))
      this.#read(turn === 'now');
  }

  end(): void {
    this.#ended = true;
    this.#fetch = undefined;
  }

  #read(besideWrites: boolean): void {
    const { store, stats } = this.#parts;
    this.#busy = true;
    store.scrub!(PIECE_BYTES, besideWrites, (failure, step) => {
      this.#busy = false;
      if (this.#ended) return;
      if (failure || !step) return this.#postpone(failure);
      this.#pace.read(step.bytes, besideWrites);
      stats.scrubbedBytes += step.bytes;
      if (step.passEnded) {
        stats.scrubPasses++;
        this.#pace.passed();
      }
      if (step.damage) this.#found(step.damage);
    });
  }

  /** The disk would not be read: whether it is sick, others find out. */
  #postpone(failure: Error | undefined): void {
    const { logger, self } = this.#parts;
    logger.warn(
      { node: self, error: failure?.message },
      'The store could not be read again; it is tried later',
    );
    this.#pace.postpone();
  }

  /** Whoever reads the store has found it: a log is mended from the next tick on. */
  #told(damage: ScrubDamage): void {
    if (this.#ended) return;
    this.#parts.wake();
    // What could not be mended yet is found again by each pass.
    if (damage.part === 'snapshot' || !this.#open) this.#note(damage);
    if (damage.part === 'snapshot') return this.#replaceSnapshot();
    this.#fetch = undefined;
    this.#open = { damage, at: this.#parts.clock.now() };
  }

  #found(damage: ScrubDamage): void {
    this.#note(damage);
    if (damage.part === 'snapshot') this.#replaceSnapshot();
    else this.#mendOrFetch(damage);
  }

  #note(damage: ScrubDamage): void {
    const { stats, logger, self } = this.#parts;
    stats.decayFound++;
    logger.error(
      { node: self, code: 'TUTTI_STORE_CORRUPT', damage: damage.failure.message, part: damage.part },
      'Something that was stored has decayed; it is put right while this node goes on',
    );
  }

  #replaceSnapshot(): void {
    const { stats, demandSnapshot } = this.#parts;
    demandSnapshot((failure) => {
      if (!failure) stats.decayMended++;
    });
  }

  #mendOrFetch(damage: ScrubDamage): void {
    this.#open = { damage, at: Infinity };
    const peers = this.#parts.peers();
    if (damage.lost.length === 0 || peers.length === 0) return this.#mend([]);
    const lost = damage.lost.map((range) => ({ ...range }));
    const fetch: Fetch = { lost, entries: [], peers, failures: 0, asked: undefined, askedAt: 0 };
    this.#fetch = fetch;
    this.#ask(fetch);
  }

  // Fetching

  #ask(fetch: Fetch): void {
    const [range] = fetch.lost;
    const { peers, failures } = fetch;
    if (!range || failures >= ROUNDS * peers.length) return this.#mend(fetch.entries);
    const { self, store, clock, send } = this.#parts;
    const prevIndex = logIndex(range.from - 1);
    fetch.askedAt = clock.now();
    fetch.asked = {
      type: 'repairRequest',
      from: self,
      to: peers[failures % peers.length]!,
      id: ++this.#nextId,
      wants: 'entries',
      fence: logIndex(0),
      term: NO_TERM,
      prevIndex,
      prevTerm: store.termAt(prevIndex) ?? NO_TERM,
      nextIndex: logIndex(range.to + 1),
      nextTerm: NO_TERM,
      offset: 0,
    };
    send(fetch.asked);
  }

  #waitForAnswer(fetch: Fetch, now: number): void {
    if (now - fetch.askedAt < ANSWER_MS) return;
    fetch.failures++;
    this.#ask(fetch);
  }

  /** Takes an answer to the last question; any other is of no use. */
  take(reply: RepairReply): void {
    const fetch = this.#fetch;
    if (!fetch?.asked || reply.id !== fetch.asked.id) return;
    const { store } = this.#parts;
    const isSame = (entry: Entry): boolean => entry.term === store.termAt(entry.index);
    const isOfUse = reply.entries.length > 0 && isSound(reply, fetch.asked) && reply.entries.every(isSame);
    if (!isOfUse) {
      fetch.failures++;
      return this.#ask(fetch);
    }
    const [range, ...others] = fetch.lost;
    fetch.entries.push(...reply.entries);
    const reached = reply.entries.at(-1)!.index;
    const left = reached < range!.to ? [{ from: logIndex(reached + 1), to: range!.to }] : [];
    fetch.lost.splice(0, fetch.lost.length, ...left, ...others);
    fetch.failures = 0;
    this.#ask(fetch);
  }

  // Mending

  #mend(entries: readonly Entry[]): void {
    const { store, stats, logger, self } = this.#parts;
    const open = this.#open!;
    this.#fetch = undefined;
    this.#busy = true;
    store.mend!(entries, (failure, still) => {
      this.#busy = false;
      // What has been found meanwhile comes next.
      if (this.#ended || this.#open !== open) return;
      if (failure) return this.#notMended(open.damage, failure);
      if (still) return this.#notMended(still, undefined);
      this.#open = undefined;
      stats.decayMended++;
      logger.info({ node: self }, 'What had decayed in the log has been put right');
    });
  }

  /** Nobody has it now. A snapshot of the state would make the log that it covers needless. */
  #notMended(damage: ScrubDamage, failure: Error | undefined): void {
    const { clock, logger, self, demandSnapshot } = this.#parts;
    this.#open = { damage, at: clock.now() + RETRY_MS };
    logger.warn(
      { node: self, damage: damage.failure.message, error: failure?.message },
      'What has decayed in the log could not be put right yet; it is tried again',
    );
    if (!failure) demandSnapshot(() => {});
  }
}
