import {
  CHANNEL,
  type Clock,
  type Lane,
  type Logger,
  messageOf,
  type NodeId,
  type PeerIdentity,
  type SendOutcome,
  type Timer,
  type Transport,
  TuttiError,
} from '@tutti/kernel';
import type { EventObject } from 'xstate';
import type { Address, Ref } from '../actor/ref.ts';
import { isReceipt } from '../delivery/delivery-log.ts';
import type { DeadLetterReason } from '../mailbox/dead-letters.ts';
import { foreignProblem } from '../message/envelope.ts';
import { inSlices } from '../scheduler/in-slices.ts';
import type { ShardAt } from '../sharding/shard-map.ts';
import type { ActorSystem, ReplyTarget } from '../system/actor-system.ts';
import { AskedBefore } from './asked-before.ts';
import {
  type ActorMessage,
  type HandOverMessage,
  type Parcel,
  type ParcelMessage,
  readActorMessage,
  writeActorMessage,
} from './parcel.ts';
import { decodeRefs, encodeRefs } from './ref-codec.ts';
import { errorFromWire, errorToWire } from './wire-error.ts';

/** How often open asks whose deadline is long over are forgotten. */
const SWEEP_MS = 1_000;

interface OpenAsk {
  readonly target: ReplyTarget;
  /** Who was asked: this life of that node. */
  readonly to: PeerIdentity;
  readonly address: Address;
  readonly deadline: number;
}

interface CourierOptions {
  readonly system: ActorSystem;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Most asks to other nodes that wait for their answer. */
  readonly asksMax: number;
  /** Whether the cluster has given this life up; of this node's own too. */
  readonly isLost: (life: PeerIdentity) => boolean;
}

/** Handles what owners of shards say to those that the shards go to, and what is answered. */
export interface HandOverHandler {
  settled(from: PeerIdentity, shards: readonly ShardAt[]): void;
  /** One parcel has come along; undefined stands for one that was refused here already. */
  handed(from: PeerIdentity, at: ShardAt, parcel: Parcel | undefined): void;
  handedAll(from: PeerIdentity, message: Extract<HandOverMessage, { t: 'handedAll' }>): void;
  kept(from: PeerIdentity, message: Extract<HandOverMessage, { t: 'kept' }>): void;
}

/** Handles the messages that are neither a parcel nor an answer to an ask. */
export type SignalHandler = (from: PeerIdentity, message: ActorMessage) => void;

/**
 * Carries parcels between nodes: encodes their refs, matches answers to asks by number, and hands what arrives to
 * whoever routes it here. It promises what the transport promises: at most once, in order per pair of nodes. To a life
 * that was given up it carries nothing and takes nothing from it: of its actors the others were told that they are gone.
 */
export class Courier {
  readonly #options: CourierOptions;
  readonly #asks = new Map<number, OpenAsk>();
  readonly #makeRef: (address: string) => Ref;
  readonly #asked = new AskedBefore();
  #nextId = 1;
  #sweep: Timer | undefined;
  #onParcel: (parcel: Parcel) => void = (parcel) => {
    this.#options.system.deliver(parcel.address, parcel.event, parcel.target);
  };
  #onSignal: SignalHandler = () => {};
  #handOver: HandOverHandler | undefined;
  #malformed = 0;

  constructor(options: CourierOptions) {
    this.#options = options;
    this.#makeRef = (address) => options.system.ref(address);
    options.transport.onMessage(CHANNEL.actors, (from, message) => this.#receive(from, message));
  }

  /** Asks that wait for an answer from another node. */
  get openAsks(): number {
    return this.#asks.size;
  }

  /** Of those, the ones that this node passed on for another one, see {@link countRelayed}. */
  get relayedAsks(): number {
    return this.countRelayed(this.#asks.values());
  }

  /**
   * How many of these another node has asked that waits for the answer, which goes by this one. One that is not linked
   * in the life that asked is not waited for: it may be dead, and until its death is agreed on nobody can tell.
   */
  countRelayed(asks: Iterable<Pick<Parcel, 'target' | 'deadline'>>): number {
    const { clock, transport } = this.#options;
    const now = clock.now();
    const lives = new Map(transport.linked().map((peer) => [peer.nodeId, peer.incarnation]));
    let relayed = 0;
    for (const { target, deadline } of asks) {
      const asker = target?.asker;
      if (asker && deadline > now && lives.get(asker.nodeId) === asker.incarnation) relayed++;
    }
    return relayed;
  }

  /** Messages that were none, dropped. */
  get malformed(): number {
    return this.#malformed;
  }

  /** A number that no ask, watch or subscription of this node has had. */
  nextId(): number {
    return this.#nextId++;
  }

  onParcel(handler: (parcel: Parcel) => void): void {
    this.#onParcel = handler;
  }

  onSignal(handler: SignalHandler): void {
    this.#onSignal = handler;
  }

  onHandOver(handler: HandOverHandler): void {
    this.#handOver = handler;
  }

  /** Sends one signal; the control lane, so that it is not held back by what actors send. */
  signal(to: NodeId, message: ActorMessage, lane: Lane = 'control'): SendOutcome {
    return this.#send(to, message, lane);
  }

  /**
   * Hands a parcel to this life of another node: while the link is to another life there is none, nor ever to one that
   * was given up. Anything but `queued`
   * means that it was not taken, nothing has been told to its target, and the caller decides what becomes of it.
   * @param along With which shard it is handed over, and in which epoch, when it is not for the other node to deliver yet
   */
  post(life: PeerIdentity, parcel: Parcel, along?: ShardAt): SendOutcome {
    if (!this.isLinked(life) || this.#options.isLost(life)) return 'no-link';
    const to = life.nodeId;
    const { address, target, hops, epoch } = parcel;
    const event = encodeRefs(parcel.event);
    if (!target) return this.#carry(to, { t: 'send', to: address, event, hops, epoch }, along);
    if (this.#asks.size >= this.#options.asksMax) return 'full';
    const id = this.nextId();
    const ttlMs = Math.max(0, parcel.deadline - this.#options.clock.now());
    const outcome = this.#carry(to, { t: 'ask', to: address, event, hops, epoch, id, ttlMs }, along);
    if (outcome !== 'queued') return outcome;
    this.#asks.set(id, { target, to: life, address, deadline: parcel.deadline });
    this.#scheduleSweep();
    return 'queued';
  }

  /** Waits for no answer from this life to these any more; nothing is told to them. */
  withdraw({ nodeId: node, incarnation }: PeerIdentity, targets: ReadonlySet<ReplyTarget>): void {
    if (targets.size === 0) return;
    for (const [id, { to, target }] of this.#asks)
      if (to.nodeId === node && to.incarnation === incarnation && targets.has(target)) this.#asks.delete(id);
  }

  /** Ends the parcel: a dead letter, and a refusal to whoever asked. */
  refuse(parcel: Parcel, error: TuttiError): void {
    this.bury(parcel, error.code === 'TUTTI_OVERLOADED' ? 'overflow-new' : 'unreachable', error);
  }

  /** The same, with the reason given. */
  bury(parcel: Parcel, reason: DeadLetterReason, error: TuttiError): void {
    this.#options.system.deadLetters.publish(parcel.address, parcel.event, reason);
    parcel.target?.fail(error);
  }

  /** Fails the asks that a life which was lost, or has left, will not answer any more; nor will those before it. */
  nodeGone({ nodeId: node, incarnation }: PeerIdentity): void {
    const unanswered: OpenAsk[] = [];
    for (const [id, ask] of this.#asks) {
      if (ask.to.nodeId !== node || ask.to.incarnation > incarnation) continue;
      this.#asks.delete(id);
      unanswered.push(ask);
    }
    const why = 'it was gone before it answered, and the event may have taken effect';
    // All at once would hold up this node for as long as it takes to be given up as well.
    void inSlices(this.#options.clock, unanswered, ({ target, address }) =>
      target.fail(new TuttiError('TUTTI_NODE_UNREACHABLE', { node, address, why })),
    );
  }

  stop(): void {
    if (this.#sweep) this.#options.clock.clearTimer(this.#sweep);
    this.#asks.clear();
  }

  /** What a value becomes on this node once it has crossed the wire. */
  decode(value: unknown): unknown {
    return decodeRefs(value, this.#makeRef);
  }

  /** Whether the link to a node is one to this life of it. */
  isLinked({ nodeId: node, incarnation }: PeerIdentity): boolean {
    return this.#options.transport
      .linked()
      .some((peer) => peer.nodeId === node && peer.incarnation === incarnation);
  }

  #carry(to: NodeId, parcel: ParcelMessage, along: ShardAt | undefined): SendOutcome {
    const message: ActorMessage = along
      ? { t: 'handed', shard: along.shard, epoch: along.epoch, parcel }
      : parcel;
    return this.#send(to, message, 'bulk');
  }

  #send(to: NodeId, message: ActorMessage, lane: Lane): SendOutcome {
    const { transport, isLost } = this.#options;
    if (isLost(transport.self)) return 'no-link';
    return transport.send(to, CHANNEL.actors, writeActorMessage(message), lane);
  }

  #scheduleSweep(): void {
    this.#sweep ??= this.#options.clock.setTimer(SWEEP_MS, () => {
      this.#sweep = undefined;
      const now = this.#options.clock.now();
      for (const [id, ask] of this.#asks) if (ask.deadline <= now) this.#asks.delete(id);
      if (this.#asks.size > 0) this.#scheduleSweep();
    });
  }

  #receive(from: PeerIdentity, raw: unknown): void {
    const message = readActorMessage(raw);
    try {
      if (!message) this.#drop(from, 'its shape is unknown');
      else if (this.#options.isLost(from)) this.#turnAway(from, message);
      else this.#handle(from, message);
    } catch (thrown) {
      this.#drop(from, messageOf(thrown));
    }
  }

  /** It may not know yet that it was given up, and does not wait in vain for what it asks. */
  #turnAway(from: PeerIdentity, message: ActorMessage): void {
    if (message.t !== 'send' && message.t !== 'ask') return;
    const parcel = this.#open(from, message);
    if (parcel) this.refuse(parcel, new TuttiError('TUTTI_NODE_EVICTED', { node: from.nodeId }));
  }

  #drop(from: PeerIdentity, problem: string): void {
    this.#malformed++;
    this.#options.logger.warn({ from: from.nodeId, problem }, 'dropped a message that cannot be read');
  }

  #handle(from: PeerIdentity, message: ActorMessage): void {
    switch (message.t) {
      case 'send':
      case 'ask': {
        const parcel = this.#open(from, message);
        if (parcel && this.#isSound(parcel)) this.#onParcel(parcel);
        break;
      }
      case 'settled':
        this.#handOver?.settled(from, message.shards);
        break;
      case 'handed': {
        const { shard, epoch } = message;
        const parcel = this.#open(from, message.parcel);
        if (parcel)
          this.#handOver?.handed(from, { shard, epoch }, this.#isSound(parcel) ? parcel : undefined);
        break;
      }
      case 'handedAll':
        this.#handOver?.handedAll(from, message);
        break;
      case 'kept':
        this.#handOver?.kept(from, message);
        break;
      case 'reply':
      case 'fail':
        this.#settle(from, message);
        break;
      case 'watch':
      case 'subscribe':
      case 'stop':
      case 'release':
      case 'ended':
      case 'snapshot':
      case 'publish':
      case 'listed':
      case 'listing':
        this.#onSignal(from, message);
    }
  }

  /** What claims to be an envelope is one, of a kind that is known, or it goes no further. */
  #isSound(parcel: Parcel): boolean {
    const problem = foreignProblem(parcel.event);
    if (problem === undefined) return true;
    this.bury(parcel, 'unknown-kind', new TuttiError('TUTTI_MESSAGE_INVALID', { problem }));
    return false;
  }

  /** Undefined when it is an ask that has come before. */
  #open(from: PeerIdentity, message: ParcelMessage): Parcel | undefined {
    const { to: address, hops, epoch } = message;
    let target: ReplyTarget | undefined;
    let deadline = Number.POSITIVE_INFINITY;
    if (message.t === 'ask') {
      if (this.#asked.isRepeated(from, message.id)) return undefined;
      deadline = this.#options.clock.now() + message.ttlMs;
      target = this.#answerTo(from, message.id, address, deadline);
    }
    return { address, event: this.decode(message.event) as EventObject, target, deadline, hops, epoch };
  }

  #settle(from: PeerIdentity, message: Extract<ActorMessage, { t: 'reply' | 'fail' }>): void {
    if (message.life !== this.#options.transport.self.incarnation) return;
    const ask = this.#asks.get(message.id);
    if (ask && ask.to.nodeId !== from.nodeId)
      return this.#drop(from, 'it answers what another node was asked');
    if (!ask) {
      if (message.t === 'reply' && isReceipt(message.value)) return;
      const event = { type: message.t } as EventObject;
      this.#options.system.deadLetters.publish('ask', event, 'late-reply');
      return;
    }
    this.#asks.delete(message.id);
    if (message.t === 'reply') ask.target.reply(this.decode(message.value));
    else ask.target.fail(errorFromWire(message.error));
  }

  #answerTo(from: PeerIdentity, id: number, address: string, deadline: number): ReplyTarget {
    const life = from.incarnation;
    const answer = (message: ActorMessage) => {
      if (this.#send(from.nodeId, message, 'bulk') === 'queued') return;
      this.#options.system.deadLetters.publish(address, { type: message.t }, 'unreachable');
    };
    return {
      asker: from,
      deadline,
      reply: (value) => {
        try {
          answer({ t: 'reply', id, life, value: encodeRefs(value) });
        } catch (thrown) {
          answer({ t: 'fail', id, life, error: errorToWire(thrown, address) });
        }
      },
      fail: (error) => answer({ t: 'fail', id, life, error: errorToWire(error, address) }),
    };
  }
}
