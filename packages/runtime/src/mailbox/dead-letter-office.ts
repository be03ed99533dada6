import { Listeners, type Logger, messageOf } from '@tutti/kernel';
import type { EventObject } from 'xstate';
import type { Address } from '../actor/ref.ts';
import { DELIVERY } from '../delivery/delivery-log.ts';
import type { DeadLetterLog } from './dead-letter-log.ts';
import type { DeadLetter, DeadLetterReason, DeadLetters } from './dead-letters.ts';

/** Where messages end that reach nobody. It keeps numbers, not messages. */
export class DeadLetterOffice implements DeadLetters {
  readonly #counts: Record<DeadLetterReason, number> = {
    'unknown-actor': 0,
    'stale-incarnation': 0,
    stopped: 0,
    'overflow-new': 0,
    'overflow-old': 0,
    'stash-full': 0,
    'no-resolver': 0,
    'late-reply': 0,
    unreachable: 0,
    unconfirmed: 0,
    'no-routee': 0,
    'slow-subscriber': 0,
    'unknown-kind': 0,
    'thread-lost': 0,
  };
  readonly #listeners = new Listeners<(letter: DeadLetter) => void>();
  readonly #logger: Logger;
  #isShowing = false;
  readonly #log: DeadLetterLog | undefined;

  /** @param log Says something of them; by default only the counts and listeners know. */
  constructor(logger: Logger, log?: DeadLetterLog) {
    this.#logger = logger;
    this.#log = log;
  }

  onDeadLetter(listener: (letter: DeadLetter) => void): () => void {
    return this.#listeners.add(listener);
  }

  counts(): Readonly<Record<DeadLetterReason, number>> {
    return { ...this.#counts };
  }

  publish(address: Address, event: EventObject, reason: DeadLetterReason, count = 1): void {
    // Only one attempt has come to nothing; its channel tries again, and reports what it gives up.
    if (event.type === DELIVERY) return;
    this.#counts[reason] += count;
    const letter = { address, event, reason, ...(count > 1 && { count }) };
    this.#log?.note(letter);
    if (this.#isShowing) return; // a listener that cannot deliver what it makes of a letter would never end
    this.#isShowing = true;
    this.#listeners.tell(
      (listener) => listener(letter),
      (error) => this.#logger.error({ problem: messageOf(error) }, 'a dead letter listener threw'),
    );
    this.#isShowing = false;
  }
}
