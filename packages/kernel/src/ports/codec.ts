/** Turns values into bytes and back. What goes in must survive MessagePack: plain data and Uint8Array. */
export interface ValueCodec {
  /** The result belongs to the caller. */
  encode(value: unknown): Uint8Array;
  /** @throws TuttiError `TUTTI_CODEC_INVALID` when the bytes are not a value. */
  decode(bytes: Uint8Array): unknown;
}
