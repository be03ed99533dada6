import { TuttiError, type ValueCodec } from '@tutti/kernel';
import { Packr } from 'msgpackr';
import { MessagePackReader } from './message-pack.ts';
import { notPlain } from './plain.ts';

/**
 * MessagePack as a {@link ValueCodec}. What goes in is checked to be plain, so a class instance is an error at the
 * sender instead of a surprise at the receiver; what comes in is read by a reader of ours that trusts nothing in it.
 *
 * Structures are not shared between messages: bytes then mean the same in a log, after a reconnect and on another
 * node, and a lost frame cannot make the next ones unreadable.
 */
export class MsgpackCodec implements ValueCodec {
  readonly #packr = new Packr({ useRecords: false, moreTypes: false });
  readonly #reader = new MessagePackReader();

  /** @throws TuttiError `TUTTI_VALUE_NOT_PLAIN` */
  encode(value: unknown): Uint8Array {
    const problem = notPlain(value);
    if (problem !== undefined) throw new TuttiError('TUTTI_VALUE_NOT_PLAIN', { problem: `value${problem}` });
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
    return this.#reader.read(bytes, start, end);
  }
}

/** The codec that Tutti uses on the wire. No message depends on another; share it freely. */
export const msgpackCodec: MsgpackCodec = new MsgpackCodec();
