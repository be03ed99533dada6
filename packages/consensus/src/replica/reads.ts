import { type Clock, type LogIndex, type Random, TuttiError } from '@tutti/kernel';
import type { ProposeOptions } from '../consensus.ts';
import { firstRequestOf } from '../raft/first-request.ts';
import type { ReadState } from '../raft/ready.ts';
import type { ReplicaConfig } from './replica-options.ts';

/** Told once that a read may be answered from local state, which shows everything up to `index`. */
export type ReadCallback = (failure: Error | undefined, index?: LogIndex) => void;

interface Waiter {
  readonly done: ReadCallback;
  readonly timeoutMs: number;
  readonly deadline: number;
  /** Whether only a leader may answer it. */
  readonly refuses: boolean;
  stopListening: (() => void) | undefined;
  settled: boolean;
}

/** Reads that may be answered once `index` is applied. */
interface Round {
  readonly index: LogIndex;
  readonly waiters: readonly Waiter[];
}

/**
 * Linearizable reads: every read of one turn shares one question to the leader, and is answered when this node has
 * applied what the answer names (Raft thesis 6.4).
 */
export class Reads {
  readonly #clock: Clock;
  readonly #config: Required<ReplicaConfig>;
  /** Not asked yet, or asked in vain. */
  #unasked: Waiter[] = [];
  readonly #asked = new Map<number, Waiter[]>();
  #confirmed: Round[] = [];
  #size = 0;
  #nextRequestId: number;

  constructor(clock: Clock, random: Random, life: number, config: Required<ReplicaConfig>) {
    this.#clock = clock;
    this.#config = config;
    this.#nextRequestId = firstRequestOf(random, life);
  }

  get size(): number {
    return this.#size;
  }

  /** @throws TuttiError `TUTTI_OVERLOADED` */
  add(options: ProposeOptions | undefined, done: ReadCallback): void {
    const limit = this.#config.readsMax;
    if (this.#size >= limit)
      throw new TuttiError('TUTTI_OVERLOADED', { what: 'The queue of reads', size: this.#size, limit });
    const timeoutMs = options?.timeoutMs ?? this.#config.timeoutMs;
    const waiter: Waiter = {
      done,
      timeoutMs,
      deadline: this.#clock.now() + timeoutMs,
      refuses: (options?.elsewhere ?? this.#config.elsewhere) === 'refuse',
      stopListening: undefined,
      settled: false,
    };
    const signal = options?.signal;
    if (signal) {
      const onAbort = () => this.#settle(waiter, new TuttiError('TUTTI_ABORTED', { what: 'A read' }));
      signal.addEventListener('abort', onAbort, { once: true });
      waiter.stopListening = () => signal.removeEventListener('abort', onAbort);
    }
    this.#size++;
    this.#unasked.push(waiter);
  }

  /**
   * Asks for everything that has not been asked, under one id.
   * @param refusal At a node that does not lead: what those are told that are not to be asked elsewhere.
   */
  ask(readIndex: (requestId: number) => void, refusal?: () => TuttiError): void {
    if (refusal) for (const waiter of this.#unasked) if (waiter.refuses) this.#settle(waiter, refusal());
    const waiters = this.#unasked.filter((waiter) => !waiter.settled);
    this.#unasked = [];
    if (waiters.length === 0) return;
    const requestId = this.#nextRequestId++;
    this.#asked.set(requestId, waiters);
    readIndex(requestId);
  }

  confirmed(state: ReadState): void {
    const waiters = this.#asked.get(state.requestId);
    if (!waiters) return;
    this.#asked.delete(state.requestId);
    this.#confirmed.push({ index: state.index, waiters });
  }

  lost(requestId: number): void {
    const waiters = this.#asked.get(requestId);
    if (!waiters) return;
    this.#asked.delete(requestId);
    this.#unasked.push(...waiters);
  }

  /** Answers what `appliedIndex` allows. */
  applied(appliedIndex: LogIndex): void {
    if (this.#confirmed.length === 0) return;
    const later: Round[] = [];
    const due: Waiter[] = [];
    for (const round of this.#confirmed) {
      if (round.index > appliedIndex) later.push(round);
      else due.push(...round.waiters);
    }
    this.#confirmed = later;
    for (const waiter of due) this.#settle(waiter, undefined, appliedIndex);
  }

  expire(now: number, leaderless: boolean): void {
    for (const waiter of this.#all()) {
      if (waiter.settled || !(leaderless || now >= waiter.deadline)) continue;
      const { timeoutMs } = waiter;
      this.#settle(
        waiter,
        leaderless
          ? new TuttiError('TUTTI_NO_LEADER', { known: 'no leader to confirm a read' })
          : new TuttiError('TUTTI_TIMEOUT', { what: 'A linearizable read', timeoutMs }),
      );
    }
    for (const [requestId, waiters] of this.#asked)
      if (waiters.every((waiter) => waiter.settled)) this.#asked.delete(requestId);
  }

  close(failure: () => TuttiError): void {
    for (const waiter of this.#all()) this.#settle(waiter, failure());
    this.drop();
  }

  /** Forgets everything without a word. */
  drop(): void {
    for (const waiter of this.#all()) waiter.stopListening?.();
    this.#unasked = [];
    this.#asked.clear();
    this.#confirmed = [];
    this.#size = 0;
  }

  #all(): Waiter[] {
    const rounds = [...this.#asked.values(), ...this.#confirmed.map((round) => round.waiters)];
    return [...this.#unasked, ...rounds.flat()];
  }

  #settle(waiter: Waiter, failure: Error | undefined, index?: LogIndex): void {
    if (waiter.settled) return;
    waiter.settled = true;
    waiter.stopListening?.();
    this.#size--;
    waiter.done(failure, index);
  }
}
