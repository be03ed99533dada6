import { CHANNEL, type MessageHandler, type Transport } from '@tutti/kernel';

/**
 * What a replica hears. A channel of a transport has one handler for as long as it is open; who takes what comes changes
 * when a store has been repaired, from the repairer to the driver.
 */
export class ConsensusChannel {
  readonly #transport: Transport;
  #handler: MessageHandler | undefined;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Everything from now on goes to `handler`. */
  handle(handler: MessageHandler): void {
    const isFirst = this.#handler === undefined;
    this.#handler = handler;
    if (isFirst)
      this.#transport.onMessage(CHANNEL.consensus, (from, message) => this.#handler!(from, message));
  }
}
