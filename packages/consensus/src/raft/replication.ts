import { type LogIndex, logIndex, type NodeId, type Term } from '@tutti/kernel';
import type { RaftConfig } from './config.ts';
import type { Electorate } from './electorate.ts';
import type { LogView } from './log-view.ts';
import type { AppendEntries, AppendReply, Entry, RaftMessage } from './messages.ts';
import { Progress } from './progress.ts';
import { readableEntries } from './raft-log.ts';
import type { LogReversion } from './ready.ts';

interface ReplicationOptions {
  readonly self: NodeId;
  readonly term: Term;
  /** The configuration in force, which changes while this node leads. */
  readonly electorate: () => Electorate;
  readonly log: LogView;
  readonly config: RaftConfig;
  /** The ticks of this node so far. */
  readonly ticks: () => number;
}

/** A peer that is no member any more, by the configuration at `index`, committed since `sinceTick`. */
interface Gone {
  readonly index: LogIndex;
  sinceTick: number;
}

/** Nodes that are told at one time that they are out. */
const GONE_MAX = 16;
/** Election timeouts that a node has to hear that it is out. */
const GONE_TIMEOUTS = 10;

const NOTHING: readonly Entry[] = [];
export const NO_REVERSIONS: readonly LogReversion[] = [];

function bytesOf(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entry.data.length;
  return bytes;
}

/** A leader's half of log replication, for one term (Raft paper 5.3). Made on election, dropped on stepping down. */
export class Replication {
  readonly #self: NodeId;
  readonly #term: Term;
  readonly #electorate: () => Electorate;
  readonly #log: LogView;
  readonly #config: RaftConfig;
  readonly #ticks: () => number;
  readonly #peers = new Map<NodeId, Progress>();
  readonly #gone = new Map<NodeId, Gone>();
  #reversions = NO_REVERSIONS;

  constructor(options: ReplicationOptions) {
    this.#self = options.self;
    this.#term = options.term;
    this.#electorate = options.electorate;
    this.#log = options.log;
    this.#config = options.config;
    this.#ticks = options.ticks;
    this.follow(this.#electorate(), this.#log.lastIndex);
    // Nobody has answered this leader yet. Members that join it later have had no time to, and count until it looks.
    for (const progress of this.#peers.values()) progress.active = false;
  }

  /**
   * Begins with members that are new. Those that are gone are kept for a while, so that they hear of it: up to the
   * configuration at `index`, which leaves them out. One that comes back meanwhile is begun with anew: it may have lost
   * all that it acknowledged, on a disk that was replaced.
   */
  follow(electorate: Electorate, index: LogIndex): void {
    for (const peer of electorate.members) {
      const cameBack = this.#gone.delete(peer);
      if (peer !== this.#self && (cameBack || !this.#peers.has(peer))) this.#begin(peer);
    }
    for (const peer of this.#peers.keys())
      if (!electorate.isMember(peer) && !this.#gone.has(peer)) this.#gone.set(peer, { index, sinceTick: -1 });
  }

  #begin(peer: NodeId): void {
    this.#peers.set(peer, new Progress(peer, logIndex(this.#log.lastIndex + 1), this.#config));
  }

  /** A node that is no member asks to lead: it is told by the log that it is out, if there is room for that. */
  tellStranger(peer: NodeId, index: LogIndex): void {
    if (this.#peers.has(peer) || this.#gone.size >= GONE_MAX) return;
    this.#begin(peer);
    this.#gone.set(peer, { index, sinceTick: -1 });
  }

  /** Lets go of nodes that are no members any more, once they know, or have had time to know. */
  forgetGone(commitIndex: LogIndex, tick: number): void {
    for (const [peer, gone] of this.#gone) {
      if (gone.index > commitIndex) continue;
      if (gone.sinceTick < 0) gone.sinceTick = tick;
      const knows = this.#peers.get(peer)!.knowsCommitted(gone.index);
      if (!knows && tick - gone.sinceTick < GONE_TIMEOUTS * this.#config.electionTimeoutTicks) continue;
      this.#gone.delete(peer);
      this.#peers.delete(peer);
    }
  }

  get peers(): Iterable<Progress> {
    return this.#peers.values();
  }

  peer(id: NodeId): Progress | undefined {
    return this.#peers.get(id);
  }

  /**
   * The highest entry of this term that a quorum has on disk, this node's own disk included; 0 if none. An entry of
   * an earlier term is never counted itself: it commits with the first of this term after it (Raft paper 5.4.2).
   */
  committable(): LogIndex {
    const reached = this.#electorate().reached((voter) =>
      voter === this.#self ? this.#log.durableIndex : (this.#peers.get(voter)?.match ?? 0),
    );
    return logIndex(this.#log.termAt(reached) === this.#term ? reached : 0);
  }

  /** Notes an answer. True when the peer's match moved, so that more may be committed. */
  replied(reply: AppendReply): boolean {
    const progress = this.#peers.get(reply.from);
    if (!progress) return false;
    progress.active = true;
    if (!reply.success) {
      const hint = this.#log.lastWithTermAtMost(reply.hintIndex, reply.hintTerm).index;
      const { peer, match: acknowledged } = progress;
      if (progress.refused(reply.rejectedIndex, hint, this.#ticks()))
        this.#reversions = [...this.#reversions, { peer, acknowledged, hint }];
      return false;
    }
    return this.#matched(progress, reply.matchIndex);
  }

  /** Peers that turned out to have lost what they had acknowledged, since this was last asked. */
  takeReversions(): readonly LogReversion[] {
    const reversions = this.#reversions;
    this.#reversions = NO_REVERSIONS;
    return reversions;
  }

  /** A peer says that it holds a snapshot up to `index`, which is committed. */
  installed(peer: NodeId, index: LogIndex): boolean {
    const progress = this.#peers.get(peer);
    if (!progress) return false;
    progress.active = true;
    return this.#matched(progress, index);
  }

  #matched(progress: Progress, index: LogIndex): boolean {
    const news = progress.matched(index);
    if (progress.state !== 'replicate' && this.#holdsAfter(progress.match)) progress.becomeReplicate();
    return news;
  }

  /** Whether entries can follow `index`: its term is known, and nothing after it has been compacted. */
  #holdsAfter(index: number): boolean {
    return index + 1 >= this.#log.firstIndex && this.#log.termAt(index) !== undefined;
  }

  /** A transfer ended without the peer having it: find out again what it needs. */
  snapshotFailed(peer: NodeId): void {
    const progress = this.#peers.get(peer);
    if (progress?.state === 'snapshot') progress.snapshotFailed(this.#ticks());
  }

  /** A heartbeat came back, from a peer whose log ends at `peerLast`. */
  heartbeatReplied(peer: NodeId, peerLast: LogIndex): void {
    this.#peers.get(peer)?.heartbeatReplied(this.#log.lastIndex, this.#ticks(), peerLast);
  }

  /** The link to a peer is another. False for one that nothing is sent to. */
  linkRenewed(peer: NodeId): boolean {
    const progress = this.#peers.get(peer);
    progress?.linkRenewed();
    return progress !== undefined;
  }

  /** The link did not take this append. */
  unsent({ to, prevIndex }: AppendEntries): void {
    this.#peers.get(to)?.unsent(prevIndex, this.#ticks());
  }

  /** Sends each peer what it lacks, as far as its window allows. Peers that need a snapshot go to `snapshotsTo`. */
  fill(commitIndex: LogIndex, messages: RaftMessage[], snapshotsTo: NodeId[]): void {
    for (const progress of this.#peers.values()) {
      while (progress.state !== 'snapshot' && this.#sendOne(progress, commitIndex, messages, snapshotsTo));
    }
  }

  /** Sends at most one message; true if there may be more to send. */
  #sendOne(
    progress: Progress,
    commitIndex: LogIndex,
    messages: RaftMessage[],
    snapshotsTo: NodeId[],
  ): boolean {
    const lastIndex = this.#log.lastIndex;
    const owesEntries = progress.next <= lastIndex && progress.hasRoom;
    if (!owesEntries && !progress.owesEmpty(commitIndex)) return false;
    const prevIndex = logIndex(progress.next - 1);
    if (!this.#holdsAfter(prevIndex)) return this.#sendSnapshot(progress, snapshotsTo);
    const entries = owesEntries
      ? readableEntries(this.#log, progress.next, lastIndex, this.#config.appendBytesMax)
      : NOTHING;
    const hasEntries = entries.length > 0;
    // Where the logs part can be asked all the same.
    if (owesEntries && !hasEntries && progress.state !== 'probe')
      return this.#passOver(progress, snapshotsTo);
    const message: AppendEntries = {
      type: 'appendEntries',
      from: this.#self,
      to: progress.peer,
      term: this.#term,
      prevIndex,
      prevTerm: this.#log.termAt(prevIndex)!,
      entries,
      commitIndex,
    };
    messages.push(message);
    progress.sent(prevIndex + entries.length, bytesOf(entries), commitIndex, hasEntries, this.#ticks());
    return hasEntries;
  }

  #sendSnapshot(progress: Progress, snapshotsTo: NodeId[]): false {
    // A snapshot is much to send to somebody who is not there; a sign of life brings it here again.
    if (!progress.active) return false;
    progress.becomeSnapshot();
    snapshotsTo.push(progress.peer);
    return false;
  }

  /** What comes next has decayed here. A snapshot that covers it will do; until there is one, or it is mended, it waits. */
  #passOver(progress: Progress, snapshotsTo: NodeId[]): false {
    progress.unreadable(this.#ticks());
    return this.#log.snapshotIndex >= progress.next ? this.#sendSnapshot(progress, snapshotsTo) : false;
  }

  /** Whether a quorum answered since the last time this was asked (Raft thesis 6.2). */
  takeQuorumActivity(): boolean {
    const alive = this.#electorate().isQuorum(
      (voter) => voter === this.#self || this.#peers.get(voter)?.active === true,
    );
    for (const progress of this.#peers.values()) progress.lookedAt();
    return alive;
  }
}
