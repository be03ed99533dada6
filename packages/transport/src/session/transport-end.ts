import type {
  Channel,
  Clock,
  Lane,
  LinkListener,
  Logger,
  MessageHandler,
  NodeId,
  PeerIdentity,
  SendOutcome,
  TransportCounters,
  WireValue,
} from '@tutti/kernel';
import { FRAME_HEADER_BYTES, MESSAGE_HEADER_BYTES } from '../codec/frame.ts';
import type { TransportLimits } from '../codec/limits.ts';
import { Loopback } from './loopback.ts';
import { Refusals } from './refusals.ts';
import { Subscriptions } from './subscriptions.ts';
import { Tally } from './tally.ts';

/**
 * What every transport does in the same way, whatever carries its links: it counts, tells its handlers and listeners,
 * and delivers to itself. How a message gets to another node is the one thing left to {@link route}.
 */
export abstract class TransportEnd {
  readonly self: PeerIdentity;
  readonly limits: TransportLimits;
  readonly tally = new Tally();
  readonly refusals: Refusals;
  protected readonly subscriptions: Subscriptions;
  protected readonly loopback: Loopback;

  constructor(self: PeerIdentity, limits: TransportLimits, clock: Clock, logger: Logger) {
    this.self = self;
    this.limits = limits;
    this.refusals = new Refusals(clock, this.tally, logger);
    this.subscriptions = new Subscriptions(this.tally, logger);
    this.loopback = new Loopback(self, clock, this.subscriptions, limits);
  }

  get messageBytesMax(): number {
    return this.limits.frameBytesMax - FRAME_HEADER_BYTES - MESSAGE_HEADER_BYTES;
  }

  /** Whether it may send now. */
  abstract get isOpen(): boolean;
  /** Hands a message to what carries it. Called while it is open only. */
  protected abstract route(to: NodeId, channel: Channel, message: WireValue, lane: Lane): SendOutcome;

  send(to: NodeId, channel: Channel, message: WireValue, lane: Lane = 'bulk'): SendOutcome {
    const outcome = this.isOpen ? this.route(to, channel, message, lane) : 'no-link';
    if (outcome !== 'queued') this.tally.messagesRefused++;
    return outcome;
  }

  onMessage(channel: Channel, handler: MessageHandler): void {
    this.subscriptions.handle(channel, handler);
  }

  onLink(listener: LinkListener): void {
    this.subscriptions.listen(listener);
  }

  linked(): readonly PeerIdentity[] {
    return this.subscriptions.linked();
  }

  counters(): TransportCounters {
    return this.tally.snapshot();
  }
}
