import { type Clock, type Timer, TuttiError } from '@tutti/kernel';
import type { TransportLimits } from '../codec/limits.ts';
import { type Established, type Handshake, type HandshakeStep, rejectFrame } from '../session/handshake.ts';

/** What a {@link LaneSocket} tells its owner; `refused` and `closed` come at most once each, `closed` last. */
export interface LaneSocketEvents {
  established(result: Established): void;
  /** A handshake or a frame was turned away, here or by the peer; `closed` follows. */
  refused(error: TuttiError, byPeer: boolean): void;
  closed(reason: string): void;
}

/** What the owner takes from an established socket. */
export interface LaneSocketReader {
  frame(bytes: Uint8Array): void;
}

/**
 * What a lane needs of a `WebSocket` of the package `ws`. Spelled out, since it is in the declarations of this package:
 * whoever checks their types together with it need not have those of `ws`.
 */
export interface FrameSocket {
  binaryType: string;
  readonly bufferedAmount: number;
  readonly readyState: number;
  readonly OPEN: number;
  on(event: string, listener: (...args: never[]) => void): unknown;
  once(event: string, listener: (...args: never[]) => void): unknown;
  send(frame: Uint8Array, options: typeof SEND_OPTIONS, written?: (error?: Error) => void): void;
  pause(): void;
  resume(): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

const CLOSE_NORMAL = 1000;
const CLOSE_REFUSED = 4001;
const SEND_OPTIONS = { binary: true, compress: false, fin: true } as const;

/**
 * One connection that carries one lane: first the handshake over it, then frames. Between the end of the handshake
 * and {@link read}, frames that come early are kept and the socket is paused, so at most one read of it is held.
 */
export class LaneSocket {
  readonly #socket: FrameSocket;
  readonly #handshake: Handshake;
  readonly #limits: TransportLimits;
  readonly #clock: Clock;
  readonly #events: LaneSocketEvents;
  readonly #deadline: Timer;
  #isEstablished = false;
  #isClosed = false;
  #hasRefused = false;
  #reader: LaneSocketReader | undefined;
  #held: Uint8Array[] = [];
  #closeReason: string | undefined;

  /** @param remote Named in the error of a handshake that takes too long. */
  constructor(
    socket: FrameSocket,
    handshake: Handshake,
    events: LaneSocketEvents,
    deps: { readonly limits: TransportLimits; readonly clock: Clock; readonly remote: string },
  ) {
    this.#socket = socket;
    this.#handshake = handshake;
    this.#limits = deps.limits;
    this.#clock = deps.clock;
    this.#events = events;
    const timeoutMs = deps.limits.handshakeTimeoutMs;
    this.#deadline = deps.clock.setTimer(timeoutMs, () => {
      this.refuse(new TuttiError('TUTTI_HANDSHAKE_TIMEOUT', { peer: deps.remote, timeoutMs }));
    });
    socket.binaryType = 'nodebuffer';
    socket.on('message', (data: Buffer, isBinary: boolean) => this.#received(data, isBinary));
    socket.on('error', (error: Error & { code?: string }) => this.#failed(error));
    socket.on('close', (code: number, reason: Buffer) => this.#closed(code, reason.toString()));
  }

  /** Begins the handshake; the socket must be open. */
  start(): void {
    this.#act(this.#handshake.start());
  }

  /** Encoded bytes that the operating system has not taken yet. */
  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  /** The link is up: hands over what was held, and everything from now on. */
  read(reader: LaneSocketReader): void {
    this.#clock.clearTimer(this.#deadline);
    const held = this.#held;
    this.#held = [];
    this.#reader = reader;
    for (const frame of held) reader.frame(frame);
    if (!this.#isClosed) this.#socket.resume();
  }

  /** Writes one frame; `written` is called once the operating system has it, or the socket is gone. */
  write(frame: Uint8Array, written: () => void): void {
    this.#socket.send(frame, SEND_OPTIONS, written);
  }

  /** Tells the peer why, and closes. */
  refuse(error: TuttiError): void {
    if (this.#isClosed || this.#hasRefused) return;
    this.#hasRefused = true;
    this.#events.refused(error, false);
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(rejectFrame(error), SEND_OPTIONS);
    this.#endSoon(CLOSE_REFUSED, error.code);
  }

  /** Closes after what was written has been taken. */
  close(reason: string): void {
    this.#closeReason ??= reason;
    this.#endSoon(CLOSE_NORMAL, reason);
  }

  /** Cuts at once. */
  terminate(): void {
    this.#socket.terminate();
  }

  #received(data: Buffer, isBinary: boolean): void {
    if (this.#hasRefused || this.#isClosed) return;
    if (!isBinary) return this.refuse(new TuttiError('TUTTI_FRAME_MALFORMED', { problem: 'it is text' }));
    if (this.#reader) return this.#reader.frame(data);
    if (!this.#isEstablished) return this.#act(this.#handshake.receive(data));
    this.#held.push(data);
    this.#socket.pause();
  }

  #act(step: HandshakeStep): void {
    for (const frame of step.send) this.#socket.send(frame, SEND_OPTIONS);
    const outcome = step.outcome;
    if (outcome === undefined) return;
    if (outcome.kind === 'established') {
      this.#isEstablished = true;
      return this.#events.established(outcome.result);
    }
    this.#hasRefused = true;
    this.#events.refused(outcome.error, outcome.byPeer);
    this.#endSoon(CLOSE_REFUSED, outcome.error.code);
  }

  #failed(error: Error & { code?: string }): void {
    this.#closeReason ??= error.message;
    if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') {
      const limitBytes = this.#limits.frameBytesMax;
      this.#noteRefused(new TuttiError('TUTTI_FRAME_TOO_LARGE', { bytes: 'too many', limitBytes }));
    } else if (error.code?.startsWith('WS_ERR_')) {
      this.#noteRefused(new TuttiError('TUTTI_FRAME_MALFORMED', { problem: error.message }));
    }
  }

  #noteRefused(error: TuttiError): void {
    if (this.#hasRefused) return;
    this.#hasRefused = true;
    this.#events.refused(error, false);
  }

  /** A peer that does not answer the closing handshake is cut after the grace. */
  #endSoon(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#clock.clearTimer(this.#deadline);
    this.#socket.resume();
    this.#socket.close(code, reason.slice(0, 100));
    const timer = this.#clock.setTimer(this.#limits.closeGraceMs, () => this.#socket.terminate());
    this.#socket.once('close', () => this.#clock.clearTimer(timer));
  }

  #closed(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#clock.clearTimer(this.#deadline);
    this.#events.closed(this.#closeReason ?? (reason || `the connection was cut (${code})`));
  }
}
