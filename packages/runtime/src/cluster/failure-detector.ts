import type { NodeId } from '@tutti/kernel';

/** What the detector asks its driver to do. */
export type DetectorAction =
  | { readonly type: 'probe'; readonly node: NodeId }
  | { readonly type: 'ask'; readonly helper: NodeId; readonly about: NodeId }
  | { readonly type: 'suspect'; readonly node: NodeId; readonly why: string }
  | { readonly type: 'trust'; readonly node: NodeId };

/** The detector's times, in milliseconds; see `ClusterConfig` for what each means. */
export interface DetectorTimes {
  readonly probeIntervalMs: number;
  readonly silenceMs: number;
  readonly indirectMs: number;
  readonly linkDownGraceMs: number;
  readonly unreachableMs: number;
}

/** How many others are asked about a node that is silent, by turns (SWIM, section 3.1, k). */
const HELPERS = 2;

interface Peer {
  /** When it was last heard of, on the direct way. */
  heardAt: number;
  /** When somebody else, asked for it, last heard of it. */
  indirectAt: number;
  downAt: number | undefined;
  askedAt: number | undefined;
  /** Of the last question: whether somebody who would have answered was asked, and whether anybody has answered. */
  answerIsSure: boolean;
  isAnswered: boolean;
  suspected: boolean;
}

/**
 * Says which nodes seem gone. It is a colleague listening for others through a wall: he knocks often, and when
 * somebody stops answering he first asks two neighbours whether they still hear anything (SWIM, Das et al. 2002).
 * Two things make it quick and fair. A link that is reset and does not come back within a short grace is a dead
 * process far more often than a bad cable, so it counts as silence at once. And a listener who is at fault himself must
 * not accuse the others of the silence: when a tick comes late, everybody's deadlines move by that delay; and when not
 * even the neighbours answer that are sure to, he goes on asking instead (Lifeguard, Dadgar et al. 2018).
 *
 * Its word is a suspicion, soft and never logged. Only the log makes a node lost.
 */
export class FailureDetector {
  readonly #times: DetectorTimes;
  readonly #answersAlways: (helper: NodeId) => boolean;
  readonly #peers = new Map<NodeId, Peer>();
  #tickedAt: number | undefined;
  /** Whose turn it is to be asked: if they were always the same, nobody would answer once these are gone too. */
  #nextHelper = 0;

  /** @param answersAlways Whether a helper answers also when it hears nothing of the node it is asked about. */
  constructor(times: DetectorTimes, answersAlways: (helper: NodeId) => boolean = () => false) {
    this.#times = times;
    this.#answersAlways = answersAlways;
  }

  /** Sets whom it listens for; newcomers begin as heard of now. */
  follow(nodes: readonly NodeId[], now: number): void {
    for (const known of this.#peers.keys()) if (!nodes.includes(known)) this.#peers.delete(known);
    for (const node of nodes) if (!this.#peers.has(node)) this.#peers.set(node, fresh(now));
  }

  /** A new life of a node has joined: what is known is about the old one. */
  renew(node: NodeId, now: number): readonly DetectorAction[] {
    const peer = this.#peers.get(node);
    if (!peer) return [];
    const actions = this.#trust(node, peer);
    this.#peers.set(node, fresh(now));
    return actions;
  }

  suspected(): readonly NodeId[] {
    return [...this.#peers].filter(([, peer]) => peer.suspected).map(([node]) => node);
  }

  /** How long ago it was heard of directly; undefined when it is not followed or its link is down. */
  silenceMs(node: NodeId, now: number): number | undefined {
    const peer = this.#peers.get(node);
    return peer && peer.downAt === undefined ? now - peer.heardAt : undefined;
  }

  linkUp(node: NodeId, now: number): readonly DetectorAction[] {
    const peer = this.#peers.get(node);
    if (!peer) return [];
    peer.downAt = undefined;
    return this.heard(node, now);
  }

  linkDown(node: NodeId, now: number): readonly DetectorAction[] {
    const peer = this.#peers.get(node);
    if (!peer || peer.downAt !== undefined) return [];
    peer.downAt = now;
    return peer.suspected ? [] : this.#ask(node, peer, now);
  }

  /** A probe was answered over the direct link, so both directions work. */
  heard(node: NodeId, now: number): readonly DetectorAction[] {
    const peer = this.#peers.get(node);
    if (!peer) return [];
    peer.heardAt = Math.max(peer.heardAt, now);
    peer.askedAt = undefined;
    return this.#trust(node, peer);
  }

  /** A helper heard of `node` at the time `at`, on this node's clock. */
  heardIndirectly(node: NodeId, at: number): readonly DetectorAction[] {
    const peer = this.#peers.get(node);
    if (!peer) return [];
    peer.indirectAt = Math.max(peer.indirectAt, at);
    peer.isAnswered = true;
    return [];
  }

  /** A helper has nothing to say of `node`, but is there. */
  helperAnswered(node: NodeId): void {
    const peer = this.#peers.get(node);
    if (peer) peer.isAnswered = true;
  }

  /** To be called every `probeIntervalMs`. */
  tick(now: number): readonly DetectorAction[] {
    this.#forgiveOwnStall(now);
    const actions: DetectorAction[] = [];
    for (const [node, peer] of this.#peers) {
      if (peer.downAt === undefined) actions.push({ type: 'probe', node });
      actions.push(...this.#judge(node, peer, now));
    }
    return actions;
  }

  #forgiveOwnStall(now: number): void {
    const lateMs = this.#tickedAt === undefined ? 0 : now - this.#tickedAt - this.#times.probeIntervalMs;
    this.#tickedAt = now;
    if (lateMs <= this.#times.probeIntervalMs) return;
    for (const peer of this.#peers.values()) {
      peer.heardAt = Math.min(now, peer.heardAt + lateMs);
      if (peer.downAt !== undefined) peer.downAt = Math.min(now, peer.downAt + lateMs);
      if (peer.askedAt !== undefined) peer.askedAt = Math.min(now, peer.askedAt + lateMs);
    }
  }

  #judge(node: NodeId, peer: Peer, now: number): readonly DetectorAction[] {
    if (peer.suspected) return [];
    const times = this.#times;
    const silentMs = now - peer.heardAt;
    if (silentMs >= times.unreachableMs) return this.#suspect(node, peer, 'no direct contact');
    if (peer.downAt !== undefined && now - peer.downAt >= times.linkDownGraceMs) {
      if (peer.indirectAt <= peer.downAt)
        return this.#suspect(node, peer, 'its link broke and did not come back');
      return this.#askAgain(node, peer, now);
    }
    if (peer.downAt !== undefined || silentMs < times.silenceMs) return [];
    if (peer.askedAt === undefined) return this.#ask(node, peer, now);
    if (now - peer.askedAt < times.indirectMs) return [];
    const isCutOff = peer.answerIsSure && !peer.isAnswered;
    if (peer.indirectAt < peer.askedAt && !isCutOff) return this.#suspect(node, peer, 'it is silent');
    return this.#ask(node, peer, now);
  }

  /** Others hear a node whose link to here is broken: ask on, and count their silence from the last question. */
  #askAgain(node: NodeId, peer: Peer, now: number): readonly DetectorAction[] {
    const askedAt = peer.askedAt ?? now;
    if (now - askedAt < this.#times.indirectMs) return [];
    if (peer.indirectAt < askedAt)
      return this.#suspect(node, peer, 'its link broke and others stopped hearing it');
    return this.#ask(node, peer, now);
  }

  #ask(node: NodeId, peer: Peer, now: number): readonly DetectorAction[] {
    const able = [...this.#peers]
      .filter(([other, { suspected, downAt }]) => other !== node && !suspected && downAt === undefined)
      .map(([helper]) => helper);
    const count = Math.min(HELPERS, able.length);
    const helpers = Array.from({ length: count }, () => able[this.#nextHelper++ % able.length]!);
    peer.askedAt = now;
    peer.isAnswered = false;
    peer.answerIsSure = helpers.some(this.#answersAlways);
    return helpers.map((helper) => ({ type: 'ask', helper, about: node }));
  }

  #suspect(node: NodeId, peer: Peer, why: string): readonly DetectorAction[] {
    peer.suspected = true;
    return [{ type: 'suspect', node, why }];
  }

  #trust(node: NodeId, peer: Peer): readonly DetectorAction[] {
    if (!peer.suspected) return [];
    peer.suspected = false;
    return [{ type: 'trust', node }];
  }
}

const fresh = (now: number): Peer => ({
  heardAt: now,
  indirectAt: Number.NEGATIVE_INFINITY,
  downAt: undefined,
  askedAt: undefined,
  answerIsSure: false,
  isAnswered: false,
  suspected: false,
});
