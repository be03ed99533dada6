import { type Channel, Ring, TuttiError, type ValueCodec } from '@tutti/kernel';
import {
  FRAME,
  FRAME_HEADER_BYTES,
  MESSAGE_HEADER_BYTES,
  writeFrameHeader,
  writeMessageHeader,
} from '../codec/frame.ts';
import type { TransportLimits } from '../codec/limits.ts';

/** A finished data frame, and how many messages are in it. */
export interface SealedFrame {
  readonly bytes: Uint8Array;
  readonly messages: number;
}

type LaneLimits = Pick<TransportLimits, 'frameBytesMax' | 'batchBytes' | 'laneBytesMax' | 'laneMessagesMax'>;

/**
 * What one lane of one link has taken and not yet handed to its socket. Messages are encoded straight behind each
 * other into a frame; the frame is sealed when it is full or when the turn ends. Both the bytes and the number of
 * messages are bounded.
 */
export class LaneQueue {
  readonly #limits: LaneLimits;
  readonly #codec: ValueCodec;
  readonly #wireVersion: number;
  readonly #sealed: Ring<SealedFrame>;
  #staging: Uint8Array | undefined;
  #stagedBytes = FRAME_HEADER_BYTES;
  #stagedMessages = 0;
  #bytes = 0;
  #messages = 0;

  constructor(codec: ValueCodec, wireVersion: number, limits: LaneLimits) {
    this.#codec = codec;
    this.#wireVersion = wireVersion;
    this.#limits = limits;
    this.#sealed = new Ring<SealedFrame>(limits.laneMessagesMax);
  }

  /** Messages held, staged ones included. */
  get messages(): number {
    return this.#messages;
  }

  /** Encoded bytes held, message headers included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a frame is full and waits to be taken. */
  get hasSealed(): boolean {
    return this.#sealed.size > 0;
  }

  /**
   * Encodes and keeps a message; false when the lane is full, and then nothing was kept.
   * @throws TuttiError `TUTTI_VALUE_NOT_PLAIN`, `TUTTI_FRAME_TOO_LARGE`
   */
  offer(channel: Channel, message: unknown): boolean {
    if (this.#messages >= this.#limits.laneMessagesMax) return false;
    const payload = this.#codec.encode(message);
    const bytes = payload.length + MESSAGE_HEADER_BYTES;
    this.#checkFits(bytes);
    if (this.#bytes + bytes > this.#limits.laneBytesMax) return false;
    if (this.#stagedBytes + bytes > this.#limits.batchBytes) this.seal();
    this.#bytes += bytes;
    this.#messages++;
    if (FRAME_HEADER_BYTES + bytes > this.#limits.batchBytes) this.#sealAlone(channel, payload);
    else this.#stage(channel, payload);
    return true;
  }

  /** Finishes the frame that is being filled, if it holds anything. */
  seal(): void {
    if (this.#stagedMessages === 0) return;
    const frame = this.#staging!.slice(0, this.#stagedBytes);
    writeFrameHeader(frame, this.#wireVersion, FRAME.data);
    this.#sealed.push({ bytes: frame, messages: this.#stagedMessages });
    this.#stagedBytes = FRAME_HEADER_BYTES;
    this.#stagedMessages = 0;
  }

  /** Takes the oldest sealed frame out. */
  shift(): SealedFrame | undefined {
    const frame = this.#sealed.shift();
    if (frame === undefined) return undefined;
    this.#messages -= frame.messages;
    this.#bytes -= frame.bytes.length - FRAME_HEADER_BYTES;
    return frame;
  }

  #stage(channel: Channel, payload: Uint8Array): void {
    this.#staging ??= new Uint8Array(this.#limits.batchBytes);
    writeMessageHeader(this.#staging, this.#stagedBytes, payload.length, channel);
    this.#staging.set(payload, this.#stagedBytes + MESSAGE_HEADER_BYTES);
    this.#stagedBytes += payload.length + MESSAGE_HEADER_BYTES;
    this.#stagedMessages++;
  }

  #sealAlone(channel: Channel, payload: Uint8Array): void {
    const frame = new Uint8Array(FRAME_HEADER_BYTES + MESSAGE_HEADER_BYTES + payload.length);
    writeFrameHeader(frame, this.#wireVersion, FRAME.data);
    writeMessageHeader(frame, FRAME_HEADER_BYTES, payload.length, channel);
    frame.set(payload, FRAME_HEADER_BYTES + MESSAGE_HEADER_BYTES);
    this.#sealed.push({ bytes: frame, messages: 1 });
  }

  #checkFits(messageBytes: number): void {
    const bytes = FRAME_HEADER_BYTES + messageBytes;
    const limitBytes = this.#limits.frameBytesMax;
    if (bytes > limitBytes) throw new TuttiError('TUTTI_FRAME_TOO_LARGE', { bytes, limitBytes });
  }
}
