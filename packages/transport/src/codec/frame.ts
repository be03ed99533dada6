import { TuttiError } from '@tutti/kernel';

/**
 * A frame is what one WebSocket message carries:
 *
 *     byte 0..1   the letters "Tu"
 *     byte 2      wire version; 0 in the frames of the handshake, whose format never changes
 *     byte 3      kind
 *     byte 4..    the body; in a data frame any number of messages, each as
 *                 length of payload (4 bytes, big endian), channel (1 byte), payload
 */
export const FRAME = { hello: 1, auth: 2, ready: 3, reject: 4, data: 16, ping: 17, pong: 18 } as const;
export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

export const FRAME_HEADER_BYTES = 4;
export const MESSAGE_HEADER_BYTES = 5;
const LETTER_T = 0x54;
const LETTER_U = 0x75;
const KINDS: ReadonlySet<number> = new Set(Object.values(FRAME));

export interface FrameHeader {
  readonly version: number;
  readonly kind: FrameKind;
}

function malformed(problem: string): TuttiError {
  return new TuttiError('TUTTI_FRAME_MALFORMED', { problem });
}

/** Writes a header at the start of `target`. */
export function writeFrameHeader(target: Uint8Array, version: number, kind: FrameKind): void {
  target[0] = LETTER_T;
  target[1] = LETTER_U;
  target[2] = version;
  target[3] = kind;
}

/** A frame of the given kind; the body is copied. */
export function frameOf(version: number, kind: FrameKind, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + body.length);
  writeFrameHeader(frame, version, kind);
  frame.set(body, FRAME_HEADER_BYTES);
  return frame;
}

/**
 * Reads the header; the size is looked at before anything else.
 * @throws TuttiError `TUTTI_FRAME_TOO_LARGE`, `TUTTI_FRAME_MALFORMED`
 */
export function readFrameHeader(frame: Uint8Array, bytesMax: number): FrameHeader {
  if (frame.length > bytesMax) {
    throw new TuttiError('TUTTI_FRAME_TOO_LARGE', { bytes: frame.length, limitBytes: bytesMax });
  }
  if (frame.length < FRAME_HEADER_BYTES) throw malformed(`${frame.length} bytes are too few for a header`);
  if (frame[0] !== LETTER_T || frame[1] !== LETTER_U) throw malformed('it does not begin with "Tu"');
  const kind = frame[3]!;
  if (!KINDS.has(kind)) throw malformed(`the kind ${kind} is not known`);
  return { version: frame[2]!, kind: kind as FrameKind };
}

/** Writes a message's header at `at`. */
export function writeMessageHeader(target: Uint8Array, at: number, bytes: number, channel: number): void {
  target[at] = bytes >>> 24;
  target[at + 1] = bytes >>> 16;
  target[at + 2] = bytes >>> 8;
  target[at + 3] = bytes;
  target[at + 4] = channel;
}

function lengthAt(frame: Uint8Array, at: number): number {
  return ((frame[at]! << 24) | (frame[at + 1]! << 16) | (frame[at + 2]! << 8) | frame[at + 3]!) >>> 0;
}

/**
 * Hands out each message of a data frame as a range of its bytes. All lengths are checked before the first is
 * handed out, so that a cut frame delivers nothing rather than its beginning.
 * @throws TuttiError `TUTTI_FRAME_MALFORMED`
 */
export function readMessages(
  frame: Uint8Array,
  take: (channel: number, start: number, end: number) => void,
): void {
  let at = FRAME_HEADER_BYTES;
  while (at < frame.length) {
    if (at + MESSAGE_HEADER_BYTES > frame.length) throw malformed(`a message header is cut at byte ${at}`);
    const bytes = lengthAt(frame, at);
    at += MESSAGE_HEADER_BYTES + bytes;
    if (at > frame.length) throw malformed(`a message of ${bytes} bytes goes beyond the end of its frame`);
  }
  at = FRAME_HEADER_BYTES;
  while (at < frame.length) {
    const start = at + MESSAGE_HEADER_BYTES;
    const end = start + lengthAt(frame, at);
    take(frame[at + 4]!, start, end);
    at = end;
  }
}
