import {
  type Clock,
  isTuttiError,
  type Logger,
  logIndex,
  type NodeId,
  type Random,
  type Term,
  type Timer,
  TuttiError,
} from '@tutti/kernel';
import { firstRequestOf } from '../raft/first-request.ts';
import type { Membership } from '../raft/messages.ts';
import { agreeable, isSound, NO_TERM, type RepairReply, type RepairRequest } from '../raft/repair.ts';
import type { LogStore, LogStoreState, SnapshotWriter } from '../storage/log-store.ts';
import type { RepairStep } from '../storage/store-damage.ts';
import { KnownMembers } from './known-members.ts';
import { RepairFence } from './repair-fence.ts';
import { type Fetch, type FetchOf, previousOf, snapshotOf } from './repair-fetch.ts';
import { attempt } from './turn-budget.ts';

/** What is asked again when no answer has come for this long. */
const RESEND_MS = 300;
/** Bytes of entries that are gathered to close one hole; a larger one needs a snapshot, or a leader. */
const HOLE_BYTES_MAX = 64 * 1024 * 1024;

/** What a repairer works with. */
export interface RepairerParts {
  readonly self: NodeId;
  /** In force at the beginning of a log without a snapshot; names nobody at a node that joined later. */
  readonly initial: Membership;
  readonly store: LogStore;
  readonly clock: Clock;
  readonly random: Random;
  /** See `lifeOf`. */
  readonly life: number;
  readonly logger: Logger;
  /** Without any progress for this long, though every other voter has answered, the store is beyond repair. */
  readonly giveUpMs: number;
  /** Bytes of entries that are gathered to close one hole. Default 64 MiB. */
  readonly holeBytesMax?: number;
  readonly send: (request: RepairRequest) => void;
  /** The store is whole. */
  readonly done: (state: LogStoreState) => void;
  readonly failed: (failure: Error) => void;
  /** Who can be reached now, member or not. */
  readonly linked: () => readonly NodeId[];
}

/**
 * Puts a damaged store right from peers, before its node takes part in anything: no core is made until then, so it
 * neither votes nor leads nor acknowledges. What it asks and believes is in `raft/repair.ts`.
 */
export class Repairer {
  readonly #parts: RepairerParts;
  readonly #members: KnownMembers;
  #state: LogStoreState;
  #fetch: Fetch | undefined;
  #asked: RepairRequest | undefined;
  #peer = 0;
  #nextId: number;
  #timer: Timer | undefined;
  #ended = false;
  /** A log whose end is lost is cut, which marks it, before anything is written to it. */
  #isCut = false;
  /** A step for which there was no space; it is taken again from time to time. */
  #postponed: RepairStep | undefined;
  /** Peers that could not help with the present fetch, and whether a leader was among them. */
  readonly #helpless = new Set<NodeId>();
  #leaderHelpless = false;
  readonly #fence = new RepairFence();
  #progressAt: number;

  constructor(parts: RepairerParts, state: LogStoreState) {
    this.#parts = parts;
    this.#state = state;
    this.#members = new KnownMembers(parts.self, state.snapshot?.membership ?? parts.initial);
    this.#nextId = firstRequestOf(parts.random, parts.life);
    this.#progressAt = parts.clock.now();
  }

  /** The term this node was in at least; undefined if that is what it has forgotten. */
  get term(): Term | undefined {
    return this.#state.damage?.hardStateLost ? undefined : this.#state.hardState.term;
  }

  begin(): void {
    const { failure } = attempt(() => this.#members.learnFromLog(this.#parts.store, this.#state));
    if (failure) return this.#fail(failure);
    if (this.#members.isOnlyVoter && this.#peers.length === 0)
      return this.#giveUp('there is no other voter that could have a copy');
    this.#plan();
    this.#armTimer();
  }

  end(): void {
    this.#ended = true;
    if (this.#timer) this.#parts.clock.clearTimer(this.#timer);
    if (this.#fetch?.kind === 'snapshot') this.#fetch.writer?.abort();
  }

  /** Everybody who may help. Those who are linked know the present members, where this node has lost every configuration. */
  get #peers(): readonly NodeId[] {
    return [...new Set([...this.#members.others, ...this.#parts.linked()])];
  }

  #giveUp(problem: string): void {
    const { failure } = this.#state.damage!;
    this.end();
    this.#parts.failed(
      new TuttiError('TUTTI_STORE_BEYOND_REPAIR', { damage: failure.message, problem }, { cause: failure }),
    );
  }

  #armTimer(): void {
    const { clock } = this.#parts;
    this.#timer = clock.setTimer(RESEND_MS, () => {
      if (this.#ended) return;
      this.#armTimer();
      // What is written to a full disk waits until somebody looks for space.
      this.#parts.store.checkRoom?.();
      if (this.#postponed) return this.#step(this.#postponed);
      if (clock.now() - this.#progressAt >= this.#parts.giveUpMs) {
        const { isOnlyVoter, otherVoters, others } = this.#members;
        // Whoever is linked and no member may have nothing to do with this group.
        const owing = isOnlyVoter ? others : otherVoters;
        const awaited = owing.filter((voter) => !this.#helpless.has(voter));
        const isForLargeHole = this.#fetch?.kind === 'snapshot' && this.#fetch.isForLargeHole;
        if (awaited.length === 0 && (isOnlyVoter || owing.length > 0) && !isForLargeHole)
          return this.#giveUp('every other voter was asked, and none has a whole copy');
        this.#progressAt = clock.now();
        const { failure } = this.#state.damage!;
        this.#parts.logger.warn(
          { awaited: awaited.join(), damage: failure.message },
          'This node waits for peers to repair its damaged store, and takes no part until then',
        );
      }
      this.#nextPeer();
      this.#ask();
    });
  }

  #nextPeer(): void {
    this.#peer = (this.#peer + 1) % Math.max(1, this.#peers.length);
  }

  /** Decides what to fetch next. */
  #plan(): void {
    const { damage, firstIndex, lastIndex, hardState } = this.#state;
    this.#helpless.clear();
    this.#leaderHelpless = false;
    this.#fetch = undefined;
    this.#nextId++;
    if (!damage) return this.#finish();
    const [hole] = damage.lost;
    if (hole && hole.from < firstIndex) this.#fetch = snapshotOf(hole.to);
    else if (hole) this.#fetch = { kind: 'hole', from: hole.from, to: hole.to, entries: [], bytes: 0 };
    else if (!this.#isCut) return this.#step({ kind: 'cut', from: logIndex(lastIndex + 1) });
    else
      this.#fetch = {
        kind: 'end',
        leader: undefined,
        leaderTerm: hardState.term,
        prev: lastIndex,
        target: 0,
        busy: false,
      };
    this.#ask();
  }

  #finish(): void {
    const { store } = this.#parts;
    const lastTerm = store.termAt(store.lastIndex) ?? NO_TERM;
    if (lastTerm <= this.#state.hardState.term) return this.#complete();
    // What was fetched is of a later term than this node was in: it never voted in that one.
    const hardState = { term: lastTerm, votedFor: undefined };
    store.append({ hardState, entries: [] }, (failure) => {
      if (this.#ended) return;
      if (failure) return this.#fail(failure);
      this.#state = { ...this.#state, hardState };
      this.#complete();
    });
  }

  #complete(): void {
    this.end();
    this.#parts.done(this.#state);
  }

  #fail(failure: Error): void {
    this.end();
    this.#parts.failed(failure);
  }

  #step(step: RepairStep): void {
    if (step.kind === 'cut') this.#isCut = true;
    this.#fetch = undefined;
    this.#asked = undefined;
    this.#postponed = undefined;
    this.#parts.store.repair(step, (failure, state) => {
      if (this.#ended) return;
      if (failure && this.#waitsForSpace(failure)) this.#postponed = step;
      else if (failure) this.#fail(failure);
      if (failure) return;
      this.#state = state!;
      this.#progressAt = this.#parts.clock.now();
      this.#plan();
    });
  }

  /** A full disk is waited for, and said, and is no standstill. Returns false for any other failure. */
  #waitsForSpace(failure: Error): boolean {
    if (!isTuttiError(failure, 'TUTTI_STORE_FULL')) return false;
    this.#progressAt = this.#parts.clock.now();
    this.#parts.logger.warn({ code: failure.code, ...failure.details }, failure.message);
    return true;
  }

  #ask(): void {
    const fetch = this.#fetch;
    if (!fetch || (fetch.kind !== 'hole' && fetch.busy)) return;
    // Everybody is asked who leads; from then on the leader alone.
    if (fetch.kind === 'end' && fetch.leader === undefined)
      for (const peer of this.#peers) this.#request(peer, fetch);
    else {
      const peer = fetch.kind === 'end' ? fetch.leader : this.#peers[this.#peer];
      if (peer !== undefined) this.#request(peer, fetch);
    }
  }

  #request(peer: NodeId, fetch: Fetch): void {
    const { store, self } = this.#parts;
    const prev = previousOf(fetch);
    const next = fetch.kind === 'hole' ? fetch.to + 1 : fetch.kind === 'snapshot' ? fetch.atLeast : 0;
    const known = fetch.kind === 'hole' ? fetch.entries.at(-1)?.term : undefined;
    const request: RepairRequest = {
      type: 'repairRequest',
      from: self,
      to: peer,
      // All that are asked at once are asked the same.
      id: fetch.kind === 'end' && fetch.leader === undefined ? this.#nextId : ++this.#nextId,
      wants: fetch.kind === 'hole' ? 'entries' : fetch.kind,
      prevIndex: logIndex(prev),
      prevTerm: known ?? store.termAt(logIndex(prev)) ?? NO_TERM,
      nextIndex: logIndex(next),
      nextTerm: (fetch.kind === 'hole' && store.termAt(logIndex(next))) || NO_TERM,
      offset: fetch.kind === 'snapshot' ? (fetch.writer?.size ?? 0) : 0,
      fence: this.#state.damage!.hardStateLost ? this.#fence.askedOf(peer) : logIndex(0),
      term: this.term ?? NO_TERM,
    };
    this.#asked = request;
    this.#parts.send(request);
  }

  /** Takes an answer to the last question; any other is of no use. */
  take(reply: RepairReply): void {
    const asked = this.#asked;
    const fetch = this.#fetch;
    if (this.#ended || !asked || !fetch || reply.id !== asked.id) return;
    if (!isSound(reply, { ...asked, to: reply.from })) return;
    if (reply.membership) this.#members.learn(reply.membership);
    this.#members.learnFrom(reply.entries);
    if (reply.chunk) this.#members.learn(reply.chunk.meta.membership);
    const isNewLeader = this.#fence.take(reply);
    if (fetch.kind === 'end' && isNewLeader && !this.#mayLead(reply)) return this.#ask();
    if (fetch.kind === 'hole') this.#takeEntries(fetch, reply);
    else if (fetch.kind === 'snapshot') this.#takeChunk(fetch, reply);
    else this.#takeEnd(fetch, reply);
  }

  /** A peer cannot help. If it leads, and so holds all that counts, what is looked for does not count any more. */
  #cannotHelp(reply: RepairReply): void {
    this.#helpless.add(reply.from);
    if (this.#mayLead(reply)) this.#leaderHelpless = true;
    const [hole] = this.#state.damage!.lost;
    if (this.#leaderHelpless && hole) return this.#step({ kind: 'cut', from: hole.from });
    // Nobody could: the timer asks them in turn, since one may lead by now. To go on here as well would pass some over.
    if (this.#peers.every((peer) => this.#helpless.has(peer))) return;
    if (reply.from === this.#peers[this.#peer]) this.#nextPeer();
    this.#ask();
  }

  /**
   * Whether what this leader says can be built on: its term is no lower than any that this node took part in, or at
   * least than any in which that still matters.
   */
  #mayLead({ leads, term }: RepairReply): boolean {
    const { damage, hardState } = this.#state;
    if (!leads || term === undefined || term < hardState.term) return false;
    if (!damage!.hardStateLost) return true;
    const { floor } = this.#fence;
    return floor !== undefined && term >= floor;
  }

  // Holes

  #takeEntries(fetch: FetchOf<'hole'>, reply: RepairReply): void {
    const { store } = this.#parts;
    if (reply.outcome === 'compacted') {
      this.#fetch = snapshotOf(fetch.to);
      return this.#ask();
    }
    if (reply.outcome === 'diverged') {
      const limit = store.termAt(logIndex(Math.max(0, fetch.from - 2))) ?? NO_TERM;
      const at = Math.min(reply.hintIndex, fetch.from - 2);
      const from = fetch.entries.length > 0 ? fetch.from : agreeable(store, at, limit) + 1;
      if (from < this.#state.firstIndex || from >= fetch.from) return this.#cannotHelp(reply);
      this.#fetch = { ...fetch, from, entries: [], bytes: 0 };
      return this.#ask();
    }
    if (reply.outcome !== 'entries') return this.#cannotHelp(reply);
    fetch.entries.push(...reply.entries);
    for (const { data } of reply.entries) fetch.bytes += data.length;
    this.#progressAt = this.#parts.clock.now();
    if (previousOf(fetch) === fetch.to) return this.#step({ kind: 'entries', entries: fetch.entries });
    if (fetch.bytes > (this.#parts.holeBytesMax ?? HOLE_BYTES_MAX)) {
      // What follows the hole may stand nowhere else: it is not cut before a leader is known, which has all that counts.
      this.#fetch = { ...snapshotOf(fetch.to), isForLargeHole: true };
      return this.#ask();
    }
    if (reply.entries.length === 0) return this.#cannotHelp(reply);
    this.#ask();
  }

  // Snapshots

  #takeChunk(fetch: FetchOf<'snapshot'>, reply: RepairReply): void {
    const { chunk } = reply;
    if (fetch.busy) return;
    if (!chunk) return this.#cannotHelp(reply);
    const { meta, offset, data } = chunk;
    if (fetch.writer && (fetch.writer.meta.index !== meta.index || fetch.writer.meta.term !== meta.term)) {
      fetch.writer.abort();
      fetch.writer = undefined;
    }
    if (offset !== (fetch.writer?.size ?? 0)) return this.#ask();
    const writer = (fetch.writer ??= this.#parts.store.beginSnapshot(meta));
    fetch.busy = true;
    writer.write(data, (failure) => {
      if (this.#ended || this.#fetch !== fetch) return;
      if (failure) return this.#notTaken(fetch, failure);
      this.#progressAt = this.#parts.clock.now();
      if (writer.size < chunk.totalBytes && data.length > 0) {
        fetch.busy = false;
        return this.#ask();
      }
      this.#commit(fetch, writer, chunk.checksum);
    });
  }

  #commit(fetch: FetchOf<'snapshot'>, writer: SnapshotWriter, checksum: number): void {
    writer.commit(checksum, (failure) => {
      if (this.#ended || this.#fetch !== fetch) return;
      fetch.busy = false;
      fetch.writer = undefined;
      if (!failure) return this.#step({ kind: 'snapshot' });
      // It was damaged on its way, or where it comes from: the timer asks the next peer.
      if (!isTuttiError(failure, 'TUTTI_STORE_CORRUPT')) this.#notTaken(fetch, failure);
    });
  }

  /** What is here of a snapshot for which there is no space gives back its own; the timer asks for all of it again. */
  #notTaken(fetch: FetchOf<'snapshot'>, failure: Error): void {
    if (!this.#waitsForSpace(failure)) return this.#fail(failure);
    fetch.writer?.abort();
    fetch.writer = undefined;
    fetch.busy = false;
  }

  // The end

  #takeEnd(fetch: FetchOf<'end'>, reply: RepairReply): void {
    if (fetch.busy) return;
    if (!this.#mayLead(reply)) {
      // One that takes part may elect a leader yet, or be elected. One that repairs its own store waits for others too.
      const isInRepair = !reply.leads && reply.membership === undefined;
      if (isInRepair) this.#helpless.add(reply.from);
      else this.#helpless.delete(reply.from);
      if (reply.from === fetch.leader) fetch.leader = undefined;
      return;
    }
    this.#helpless.delete(reply.from);
    const leaderTerm = reply.term!;
    if (fetch.leader !== reply.from || fetch.leaderTerm !== leaderTerm)
      Object.assign(fetch, { leader: reply.from, leaderTerm, target: reply.lastIndex });
    if (reply.outcome === 'compacted') {
      this.#fetch = snapshotOf(logIndex(fetch.prev + 1));
      return this.#ask();
    }
    if (reply.outcome === 'diverged') {
      const { store } = this.#parts;
      const limit = store.termAt(logIndex(fetch.prev)) ?? NO_TERM;
      fetch.prev = Math.min(agreeable(store, reply.hintIndex, limit), fetch.prev - 1);
      if (fetch.prev + 1 < store.firstIndex) fetch.prev = 0;
      return this.#ask();
    }
    if (reply.outcome !== 'entries') return;
    this.#append(fetch, reply);
  }

  #append(fetch: FetchOf<'end'>, { entries }: RepairReply): void {
    const last = entries.at(-1)?.index ?? fetch.prev;
    const isEnd = last >= fetch.target || entries.length === 0;
    fetch.busy = true;
    this.#parts.store.append({ hardState: undefined, entries }, (failure) => {
      if (this.#ended || this.#fetch !== fetch) return;
      if (failure) return this.#fail(failure);
      this.#progressAt = this.#parts.clock.now();
      fetch.prev = last;
      fetch.busy = false;
      if (!isEnd) return this.#ask();
      this.#step({ kind: 'whole', hardState: this.#hardStateIn(fetch) });
    });
  }

  /** In the leader's term this node can give no other vote than the one that made the leader. */
  #hardStateIn({ leader, leaderTerm }: FetchOf<'end'>) {
    const { damage, hardState } = this.#state;
    if (damage!.hardStateLost) return { term: leaderTerm, votedFor: leader };
    return leaderTerm > hardState.term ? { term: leaderTerm, votedFor: undefined } : undefined;
  }
}
