import { assert } from '@tutti/kernel';

/** The bounds that a window never goes beyond. */
export interface WindowBounds {
  /** Messages under way at most; at least 1. */
  readonly messagesMax: number;
  /** Bytes under way after which nothing more is sent; the last message may go beyond it. At least 1. */
  readonly bytesMax: number;
}

/** One message: its last entry, and the bytes of all its entries. */
interface Flight {
  readonly end: number;
  readonly bytes: number;
}

/**
 * What a leader may send a peer ahead of its answers, in messages and in bytes: additive increase, multiplicative
 * decrease (Chiu and Jain, 1989). It begins at its bounds, is halved by every sign that the peer or the way to it does
 * not keep up, down to one message, and opens by one message for every full round trip that was acknowledged. What
 * does not fit waits and goes in the next message, so a small window makes larger messages and never a lost one.
 *
 * It does not open beyond its bounds to find out how much the way would bear: there is no loss to find that out by on
 * a link that keeps everything, only a queue that grows, and with it the time that every entry takes.
 */
export class FlightWindow {
  readonly #bounds: WindowBounds;
  #messages: number;
  /** What is under way, oldest first; never more than `messagesMax`. */
  readonly #flights: Flight[] = [];
  #bytesUnderWay = 0;
  /** The last index sent when the round trip that is being waited for began; 0 while none is. */
  #roundEnd = 0;

  constructor(bounds: WindowBounds) {
    assert(bounds.messagesMax >= 1 && bounds.bytesMax >= 1, 'a window has room for a message');
    this.#bounds = bounds;
    this.#messages = bounds.messagesMax;
  }

  /** How many messages may be under way now; from 1 to `messagesMax`. */
  get messages(): number {
    return this.#messages;
  }

  /** How many bytes may be under way now before nothing more is sent: the same share of its bound. */
  get bytes(): number {
    return Math.max(1, Math.floor((this.#bounds.bytesMax * this.#messages) / this.#bounds.messagesMax));
  }

  get underWay(): number {
    return this.#flights.length;
  }

  get bytesUnderWay(): number {
    return this.#bytesUnderWay;
  }

  get hasRoom(): boolean {
    return this.#flights.length < this.#messages && this.#bytesUnderWay < this.bytes;
  }

  /** The last index of the newest message under way; 0 for none. */
  get #lastEnd(): number {
    return this.#flights.at(-1)?.end ?? 0;
  }

  /** A message left whose last entry is `lastIndex`. */
  sent(lastIndex: number, bytes: number): void {
    this.#flights.push({ end: lastIndex, bytes });
    this.#bytesUnderWay += bytes;
    if (this.#roundEnd === 0) this.#roundEnd = lastIndex;
  }

  /**
   * Everything up to `index` has arrived.
   * @returns whether that ends a round trip, and so opens the window
   */
  acknowledged(index: number): boolean {
    while (this.#flights.length > 0 && this.#flights[0]!.end <= index)
      this.#bytesUnderWay -= this.#flights.shift()!.bytes;
    if (this.#roundEnd === 0 || index < this.#roundEnd) return false;
    this.#messages = Math.min(this.#bounds.messagesMax, this.#messages + 1);
    this.#roundEnd = this.#lastEnd;
    return true;
  }

  /** The newest messages, all that go beyond `index`, were not taken by the link after all. */
  takeBack(index: number): void {
    while (this.#lastEnd > index) this.#bytesUnderWay -= this.#flights.pop()!.bytes;
    this.#roundEnd = Math.min(this.#roundEnd, this.#lastEnd);
  }

  /** The peer, or the way to it, does not keep up. */
  halve(): void {
    this.#messages = Math.max(1, Math.floor(this.#messages / 2));
    // The round trip under way was of the larger window, and says nothing of the smaller.
    this.#roundEnd = this.#lastEnd;
  }

  /** Nothing is under way any more; how much may be stays as it is. */
  clear(): void {
    this.#flights.length = 0;
    this.#bytesUnderWay = 0;
    this.#roundEnd = 0;
  }
}
