import type { Clock, Logger } from '@tutti/kernel';
import type { DeadLetter, DeadLetterReason } from './dead-letters.ts';

/** Lines of one reason in one window. */
const LINES_MAX = 5;
const WINDOW_MS = 10_000;

/** What is lost by a bound is a warning; what comes too late is how actors end. */
const LEVELS: Partial<Record<DeadLetterReason, 'warn' | 'info' | 'debug'>> = {
  'overflow-new': 'warn',
  'overflow-old': 'warn',
  'stash-full': 'warn',
  stopped: 'debug',
  'late-reply': 'debug',
};

interface Window {
  sinceMs: number;
  lines: number;
  /** Letters that got no line, said in the next line there is. */
  unsaid: number;
}

/**
 * Says that messages were lost, without a flood of words about a flood of messages: at most {@link LINES_MAX} lines of
 * one reason in {@link WINDOW_MS}, of which the first says how many went unsaid before it.
 */
export class DeadLetterLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #windows = new Map<DeadLetterReason, Window>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  note({ address, event, reason, count }: DeadLetter): void {
    const now = this.#clock.now();
    let window = this.#windows.get(reason);
    if (!window) this.#windows.set(reason, (window = { sinceMs: now, lines: 0, unsaid: 0 }));
    if (now - window.sinceMs >= WINDOW_MS) {
      window.sinceMs = now;
      window.lines = 0;
    }
    if (window.lines >= LINES_MAX) {
      window.unsaid += count ?? 1;
      return;
    }
    window.lines++;
    const { unsaid } = window;
    window.unsaid = 0;
    const more = { ...(count !== undefined && { count }), ...(unsaid > 0 && { unsaid }) };
    const fields = { actor: address, event: event.type, reason, ...more };
    this.#logger[LEVELS[reason] ?? 'info'](fields, 'a message reached nobody');
  }
}
