import {
  assert,
  type Channel,
  type LinkListener,
  type Logger,
  type MessageHandler,
  messageOf,
  type NodeId,
  type PeerIdentity,
  type WireValue,
} from '@tutti/kernel';
import type { Tally } from './tally.ts';

/** What is counted when a message comes in for a channel that nobody listens to. */
export const UNHANDLED = 'no-handler';

/**
 * Who is told what: one handler per channel, any number of link listeners. It holds which links are up, and so makes
 * sure that up and down alternate for each peer.
 */
export class Subscriptions {
  readonly #handlers: (MessageHandler | undefined)[] = [];
  readonly #listeners: LinkListener[] = [];
  readonly #up = new Map<NodeId, PeerIdentity>();
  /** The same as a list, made anew when a link changes: it is asked for with every message that an actor sends. */
  #linked: readonly PeerIdentity[] = [];
  readonly #tally: Tally;
  readonly #logger: Logger;

  constructor(tally: Tally, logger: Logger) {
    this.#tally = tally;
    this.#logger = logger;
  }

  handle(channel: Channel, handler: MessageHandler): void {
    assert(Number.isInteger(channel) && channel >= 0 && channel <= 255, 'a channel is one byte');
    assert(this.#handlers[channel] === undefined, `channel ${channel} has one handler`);
    this.#handlers[channel] = handler;
  }

  listen(listener: LinkListener): void {
    this.#listeners.push(listener);
    for (const peer of this.linked()) this.#guard(() => listener.linkUp(peer));
  }

  linked(): readonly PeerIdentity[] {
    return this.#linked;
  }

  linkUp(peer: PeerIdentity): void {
    assert(!this.#up.has(peer.nodeId), `the link to ${peer.nodeId} goes down before it comes up again`);
    this.#up.set(peer.nodeId, peer);
    this.#linked = [...this.#up.values()];
    this.#logger.info({ peer: peer.nodeId, incarnation: peer.incarnation }, 'link up');
    for (const listener of this.#listeners.slice()) this.#guard(() => listener.linkUp(peer));
  }

  linkDown(peer: PeerIdentity, reason: string): void {
    assert(
      this.#up.get(peer.nodeId) === peer,
      `the link to ${peer.nodeId} that goes down is the one that is up`,
    );
    this.#up.delete(peer.nodeId);
    this.#linked = [...this.#up.values()];
    this.#logger.info({ peer: peer.nodeId, incarnation: peer.incarnation, reason }, 'link down');
    for (const listener of this.#listeners.slice()) this.#guard(() => listener.linkDown(peer, reason));
  }

  deliver(from: PeerIdentity, channel: Channel, message: WireValue): void {
    this.#tally.messagesReceived++;
    const handler = this.#handlers[channel];
    if (handler === undefined) {
      this.#tally.reject(UNHANDLED);
      return;
    }
    try {
      handler(from, message);
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  /** A listener that throws breaks its promise; that must not cost the other listeners their call. */
  #guard(call: () => void): void {
    try {
      call();
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  #failed(thrown: unknown): void {
    const stack = thrown instanceof Error ? thrown.stack : undefined;
    this.#logger.error({ problem: messageOf(thrown), stack }, 'a handler of the transport threw');
  }
}
