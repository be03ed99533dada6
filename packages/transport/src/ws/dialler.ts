import {
  backoffDelayMs,
  type Clock,
  type Logger,
  messageOf,
  type PeerAddress,
  type Random,
  type Timer,
} from '@tutti/kernel';
import { WebSocket } from 'ws';
import type { TransportLimits } from '../codec/limits.ts';
import type { Established } from '../session/handshake.ts';
import { isConfigurationError, type Refusals } from '../session/refusals.ts';
import { LaneSocket } from './lane-socket.ts';
import { nonce, type SessionMaker } from './session-maker.ts';

export interface DiallerDeps {
  readonly limits: TransportLimits;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly sessions: SessionMaker;
  readonly refusals: Refusals;
  /** Both lanes are proven; the receiver owns the sockets from now on, and is told when either closes. */
  readonly linked: (result: Established, control: LaneSocket, bulk: LaneSocket) => void;
  readonly lost: (socket: LaneSocket, reason: string) => void;
}

/**
 * RFC 6455 has clients mask what they send, against scripts in browsers that make proxies believe things. There is
 * no browser here, and a mask of zeros spares a pass over every byte.
 */
const noMask = (mask: Buffer): void => void mask.fill(0);

/**
 * Keeps calling one peer until told to stop: control lane first, then bulk, then the link is handed over. Waits
 * between attempts grow from 50 ms to 2 s with jitter, and longer where only a new configuration can help.
 */
export class Dialler {
  readonly #peer: PeerAddress;
  readonly #deps: DiallerDeps;
  #retry = 0;
  #timer: Timer | undefined;
  #open = new Set<LaneSocket>();
  #raw = new Set<WebSocket>();
  #isStopped = true;
  #isConfigurationWrong = false;
  #linkedAt = -Infinity;

  constructor(peer: PeerAddress, deps: DiallerDeps) {
    this.#peer = peer;
    this.#deps = deps;
  }

  start(): void {
    if (!this.#isStopped) return;
    this.#isStopped = false;
    this.#dial();
  }

  /** Gives up the attempt that is under way, if any, and makes no other. A link handed over is not touched. */
  stop(): void {
    this.#isStopped = true;
    if (this.#timer) this.#deps.clock.clearTimer(this.#timer);
    this.#abandon();
  }

  /** The link that was handed over is gone: call again. */
  resume(): void {
    const { clock, limits } = this.#deps;
    // A link that held for a while was sound; one that breaks as soon as it is up must not be dialled in a hot loop.
    if (clock.now() - this.#linkedAt >= limits.redialMaxMs) this.#retry = 0;
    this.#later();
  }

  #dial(): void {
    const link = nonce();
    this.#isConfigurationWrong = false;
    const control = this.#connect('control', link, () => {
      const bulk = this.#connect('bulk', link, (result) => {
        this.#open.clear();
        this.#raw.clear();
        this.#linkedAt = this.#deps.clock.now();
        this.#deps.linked(result, control!, bulk!);
      });
    });
  }

  #connect(
    lane: 'control' | 'bulk',
    link: string,
    established: (result: Established) => void,
  ): LaneSocket | undefined {
    const { limits, clock, sessions, refusals } = this.#deps;
    const raw = this.#openSocket();
    if (raw === undefined) return undefined;
    const events = {
      established,
      refused: (error: Parameters<typeof refusals.note>[0], byPeer: boolean) => {
        this.#isConfigurationWrong ||= isConfigurationError(error);
        refusals.note(error, this.#peer.nodeId, byPeer);
      },
      closed: (reason: string) => this.#closed(socket, reason),
    };
    const deps = { limits, clock, remote: `${this.#peer.nodeId} at ${this.#peer.url}` };
    const socket: LaneSocket = new LaneSocket(
      raw,
      sessions.dial(this.#peer.nodeId, lane, link),
      events,
      deps,
    );
    this.#open.add(socket);
    this.#raw.add(raw);
    raw.once('open', () => socket.start());
    return socket;
  }

  #openSocket(): WebSocket | undefined {
    const { limits, logger } = this.#deps;
    try {
      const options = { perMessageDeflate: false, maxPayload: limits.frameBytesMax, generateMask: noMask };
      return new WebSocket(this.#peer.url, options);
    } catch (thrown) {
      logger.error(
        { peer: this.#peer.nodeId, url: this.#peer.url, problem: messageOf(thrown) },
        'cannot dial',
      );
      this.#isConfigurationWrong = true;
      this.#later();
      return undefined;
    }
  }

  #closed(socket: LaneSocket, reason: string): void {
    if (!this.#open.has(socket)) return this.#deps.lost(socket, reason);
    this.#deps.logger.debug({ peer: this.#peer.nodeId, url: this.#peer.url, reason }, 'dialling failed');
    this.#abandon();
    this.#later();
  }

  #abandon(): void {
    this.#open.clear();
    const raw = this.#raw;
    this.#raw = new Set();
    for (const socket of raw) socket.terminate();
  }

  #later(): void {
    if (this.#isStopped) return;
    const { limits, random, clock } = this.#deps;
    const times = { initialMs: limits.redialInitialMs, maxMs: limits.redialMaxMs };
    const backoffMs = backoffDelayMs(this.#retry++, times, random);
    const delayMs = this.#isConfigurationWrong ? Math.max(backoffMs, limits.redialRefusedMs) : backoffMs;
    if (this.#timer) clock.clearTimer(this.#timer);
    this.#timer = clock.setTimer(delayMs, () => this.#dial());
  }
}
