import { messageOf, mustBePlain, TuttiError, type ValueCodec } from '@tutti/kernel';
import { Packr } from 'msgpackr';
import { messagePackProblem } from './message-pack.ts';

/**
 * MessagePack as a {@link ValueCodec}. What goes in is checked to be plain, so a class instance is an error at the
 * sender instead of a surprise at the receiver; what comes in is checked before it is decoded.
 *
 * Structures are not shared between messages: bytes then mean the same in a log, after a reconnect and on another
 * node, and a lost frame cannot make the next ones unreadable.
 */
export class MsgpackCodec implements ValueCodec {
  // Without copyBuffers a decoded byte string would keep its whole frame alive.
  readonly #packr = new Packr({ useRecords: false, copyBuffers: true, moreTypes: false });

  /** @throws TuttiError `TUTTI_VALUE_NOT_PLAIN` */
  encode(value: unknown): Uint8Array {
    mustBePlain(value);
    return this.#packr.pack(value);
  }

  decode(bytes: Uint8Array): unknown {
    return this.decodeRange(bytes, 0, bytes.length);
  }

  /**
   * Decodes a part of `bytes`; nothing of the result shares memory with them.
   * @throws TuttiError `TUTTI_CODEC_INVALID`
   */
  decodeRange(bytes: Uint8Array, start: number, end: number): unknown {
    const problem = messagePackProblem(bytes, start, end);
    if (problem !== undefined) throw new TuttiError('TUTTI_CODEC_INVALID', { problem });
    try {
      return this.#packr.unpack(bytes, { start, end });
    } catch (thrown) {
      throw new TuttiError('TUTTI_CODEC_INVALID', { problem: messageOf(thrown) }, { cause: thrown });
    }
  }
}

/** The codec that Tutti uses on the wire. Has no state; share it freely. */
export const msgpackCodec: MsgpackCodec = new MsgpackCodec();
