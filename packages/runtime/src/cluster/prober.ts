import {
  CHANNEL,
  type Clock,
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

/** Drives the failure detector over the wire: probes on the control lane, never in the log. */
export class Prober {
  readonly #options: ProberOptions;
  readonly #detector: FailureDetector;
  #timer: Timer | undefined;
  #running = false;

  constructor(options: ProberOptions) {
    this.#options = options;
    this.#detector = new FailureDetector(options.config, (helper) => this.#answersAlways(helper));
    options.transport.onMessage(CHANNEL.probes, (from, message) => this.#receive(from, message));
    options.transport.onLink({
      linkUp: (peer) => this.#perform(this.#detector.linkUp(peer.nodeId, options.clock.now())),
      linkDown: (peer) => this.#perform(this.#detector.linkDown(peer.nodeId, options.clock.now())),
    });
  }

  #answersAlways(node: NodeId): boolean {
    return speaks(this.#options.transport, node, ANSWERS_ALWAYS_VERSION);
  }

  suspected(): readonly NodeId[] {
    return this.#detector.suspected();
  }

  /** Sets whom it watches; the own node is left out. */
  follow(nodes: readonly NodeId[]): void {
    const { transport, clock } = this.#options;
    this.#detector.follow(
      nodes.filter((node) => node !== transport.self.nodeId),
      clock.now(),
    );
  }

  /** A new life of a node has joined. */
  renew(node: NodeId): void {
    this.#perform(this.#detector.renew(node, this.#options.clock.now()));
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
        this.#perform(this.#detector.heard(from.nodeId, now));
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
