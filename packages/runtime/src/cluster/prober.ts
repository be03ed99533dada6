import {
  CHANNEL,
  type Clock,
  type Incarnation,
  type Logger,
  type NodeId,
  type PeerIdentity,
  type Timer,
  type Transport,
} from '@tutti/kernel';
import type { ClusterConfig } from './cluster-config.ts';
import { type DetectorAction, FailureDetector } from './failure-detector.ts';
import { speaks } from './wire-version.ts';

/** What nodes say to each other on the probe channel. */
type ProbeMessage =
  | { readonly t: 'ping' | 'pong' }
  | { readonly t: 'heard?'; readonly about: NodeId }
  | { readonly t: 'heard'; readonly about: NodeId; readonly agoMs: number }
  /** Since wire version 2: whoever was asked has no link to that node, but it is there to say so. */
  | { readonly t: 'unheard'; readonly about: NodeId };

/** From this wire version on, whoever is asked about a node answers in any case. */
const ANSWERS_ALWAYS_VERSION = 2;

interface ProberOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config: ClusterConfig;
  /** Told whenever the set of suspected nodes has changed. */
  readonly onSuspicion: (node: NodeId, suspected: boolean) => void;
}

/**
 * Drives the failure detector over the wire: probes on the control lane, never in the log. It watches lives of nodes:
 * that another life of one answers, as one does that was started again at once, says of the one that is watched only
 * that it has ended.
 */
export class Prober {
  readonly #options: ProberOptions;
  readonly #detector: FailureDetector;
  readonly #followed = new Map<NodeId, Incarnation>();
  #timer: Timer | undefined;
  #running = false;

  constructor(options: ProberOptions) {
    this.#options = options;
    this.#detector = new FailureDetector(options.config, (helper) => this.#answersAlways(helper));
    options.transport.onMessage(CHANNEL.probes, (from, message) => this.#receive(from, message));
    options.transport.onLink({
      linkUp: (peer) => {
        const now = options.clock.now();
        const { nodeId: node } = peer;
        this.#perform(
          this.#follows(peer) ? this.#detector.linkUp(node, now) : this.#detector.linkDown(node, now),
        );
      },
      linkDown: (peer) => {
        if (this.#follows(peer)) this.#perform(this.#detector.linkDown(peer.nodeId, options.clock.now()));
      },
    });
  }

  #follows({ nodeId, incarnation }: PeerIdentity): boolean {
    return this.#followed.get(nodeId) === incarnation;
  }

  #answersAlways(node: NodeId): boolean {
    return speaks(this.#options.transport, node, ANSWERS_ALWAYS_VERSION);
  }

  suspected(): readonly NodeId[] {
    return this.#detector.suspected();
  }

  /** Sets which life of each node it watches, one at most; the own node is left out. */
  follow(lives: readonly PeerIdentity[]): void {
    const { transport, clock } = this.#options;
    const others = lives.filter(({ nodeId }) => nodeId !== transport.self.nodeId);
    const now = clock.now();
    const renewed = others.filter((life) => this.#followed.has(life.nodeId) && !this.#follows(life));
    this.#followed.clear();
    for (const { nodeId, incarnation } of others) this.#followed.set(nodeId, incarnation);
    this.#detector.follow([...this.#followed.keys()], now);
    // Whatever is known is about the old life.
    for (const { nodeId } of renewed) this.#perform(this.#detector.renew(nodeId, now));
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#tick();
  }

  stop(): void {
    this.#running = false;
    if (this.#timer) this.#options.clock.clearTimer(this.#timer);
  }

  #tick(): void {
    if (!this.#running) return;
    const { clock, config } = this.#options;
    this.#perform(this.#detector.tick(clock.now()));
    this.#timer = clock.setTimer(config.probeIntervalMs, () => this.#tick());
  }

  #send(to: NodeId, message: ProbeMessage): void {
    this.#options.transport.send(to, CHANNEL.probes, message, 'control');
  }

  #perform(actions: readonly DetectorAction[]): void {
    for (const action of actions) {
      switch (action.type) {
        case 'probe':
          this.#send(action.node, { t: 'ping' });
          break;
        case 'ask':
          this.#send(action.helper, { t: 'heard?', about: action.about });
          break;
        case 'suspect':
          this.#options.logger.warn({ node: action.node, why: action.why }, 'a node is suspected to be gone');
          this.#options.onSuspicion(action.node, true);
          break;
        case 'trust':
          this.#options.logger.info({ node: action.node }, 'a suspected node is heard again');
          this.#options.onSuspicion(action.node, false);
          break;
      }
    }
  }

  #receive(from: PeerIdentity, raw: unknown): void {
    const now = this.#options.clock.now();
    const message = (raw ?? {}) as { t?: unknown; about?: unknown; agoMs?: unknown };
    const about = message.about;
    switch (message.t) {
      case 'ping':
        // Being asked is no sign that the other hears us: of a link that works in one direction only, both must know.
        this.#send(from.nodeId, { t: 'pong' });
        break;
      case 'pong':
        if (this.#follows(from)) this.#perform(this.#detector.heard(from.nodeId, now));
        break;
      case 'heard?': {
        const agoMs = typeof about === 'string' ? this.#detector.silenceMs(about as NodeId, now) : undefined;
        if (agoMs !== undefined) this.#send(from.nodeId, { t: 'heard', about: about as NodeId, agoMs });
        else if (typeof about === 'string' && this.#answersAlways(from.nodeId))
          this.#send(from.nodeId, { t: 'unheard', about: about as NodeId });
        break;
      }
      case 'unheard':
        if (typeof about === 'string') this.#detector.helperAnswered(about as NodeId);
        break;
      case 'heard':
        if (typeof about === 'string' && typeof message.agoMs === 'number')
          this.#perform(this.#detector.heardIndirectly(about as NodeId, now - Math.max(0, message.agoMs)));
        break;
    }
  }
}
