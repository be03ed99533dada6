import type { TransportCounters } from '@tutti/kernel';

/** The running totals of one transport. */
export class Tally {
  messagesSent = 0;
  messagesReceived = 0;
  framesSent = 0;
  framesReceived = 0;
  bytesSent = 0;
  bytesReceived = 0;
  messagesRefused = 0;
  readonly #rejected = new Map<string, number>();

  /** Counts something turned away. Reasons are codes, so their number is bounded. */
  reject(reason: string): void {
    this.#rejected.set(reason, (this.#rejected.get(reason) ?? 0) + 1);
  }

  sent(bytes: number, messages: number): void {
    this.framesSent++;
    this.bytesSent += bytes;
    this.messagesSent += messages;
  }

  received(bytes: number): void {
    this.framesReceived++;
    this.bytesReceived += bytes;
  }

  /** A copy that does not change. */
  snapshot(): TransportCounters {
    const { messagesSent, messagesReceived, framesSent, framesReceived } = this;
    const { bytesSent, bytesReceived, messagesRefused } = this;
    return {
      messagesSent,
      messagesReceived,
      framesSent,
      framesReceived,
      bytesSent,
      bytesReceived,
      messagesRefused,
      rejected: Object.fromEntries(this.#rejected),
    };
  }
}
