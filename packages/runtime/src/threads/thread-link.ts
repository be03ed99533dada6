import type { Clock } from '@tutti/kernel';

/** What crosses at one time: everything that was said in one turn. */
export interface Batch {
  /** How many batches with messages have been taken so far. */
  readonly taken: number;
  readonly messages: readonly unknown[];
}

/** Batches that may be under way before the other side has taken one. While they are, the next one grows. */
const BATCHES_MAX = 16;

/** How one end of a link is made. */
export interface ThreadLinkOptions<Out, In> {
  readonly clock: Clock;
  /** Throws when something in the batch cannot be cloned, and then nothing has been handed over. */
  readonly post: (batch: Batch) => void;
  readonly onMessage: (message: In) => void;
  /** One message cannot be cloned, and was left out. */
  readonly onRefused: (message: Out, error: unknown) => void;
  /** Called before a batch is closed, for what is summed up until then. */
  readonly onClosing?: () => void;
}

/**
 * One end of the link between a node and one of its threads: in order, and in batches, since what a message costs here
 * is the waking of the other side. A side that does not keep up is left alone until it does.
 */
export class ThreadLink<Out, In> {
  readonly #options: ThreadLinkOptions<Out, In>;
  #waiting: Out[] = [];
  #posted = 0;
  #confirmed = 0;
  #taken = 0;
  #told = 0;
  #isScheduled = false;
  /** Something waits for the next batch, or to be summed up for it. */
  #isDue = false;
  #isClosed = false;

  constructor(options: ThreadLinkOptions<Out, In>) {
    this.#options = options;
  }

  /** Messages that wait for the next batch. */
  get waiting(): number {
    return this.#waiting.length;
  }

  push(message: Out): void {
    if (this.#isClosed) return;
    this.#waiting.push(message);
    this.schedule();
  }

  /** Closes a batch at the end of this turn, also an empty one if something is summed up for it. */
  schedule(): void {
    this.#isDue = true;
    if (!this.#isHeldUp) this.#takeTurn();
  }

  receive({ taken, messages }: Batch): void {
    this.#confirmed = taken;
    if (messages.length > 0) {
      this.#taken++;
      for (const message of messages) {
        if (this.#isClosed) return;
        this.#options.onMessage(message as In);
      }
    }
    if (this.#isDue) this.schedule();
    if (this.#taken - this.#told >= BATCHES_MAX / 2) this.#takeTurn();
  }

  /** Takes and gives nothing any more. */
  close(): void {
    this.#isClosed = true;
    this.#waiting = [];
  }

  get #isHeldUp(): boolean {
    return this.#posted - this.#confirmed >= BATCHES_MAX;
  }

  #takeTurn(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    this.#options.clock.nextTurn(() => this.#flush());
  }

  #flush(): void {
    this.#isScheduled = false;
    if (this.#isClosed) return;
    // What it has taken it says also now: batches may have crossed, and two sides that both kept it back would wait for ever.
    if (this.#isHeldUp) return this.#confirm();
    this.#options.onClosing?.();
    this.#isDue = false;
    const messages = this.#waiting;
    if (messages.length === 0) return this.#confirm();
    this.#waiting = [];
    try {
      this.#post(messages);
    } catch {
      for (const message of messages) {
        try {
          this.#post([message]);
        } catch (error) {
          this.#options.onRefused(message, error);
        }
      }
    }
  }

  #confirm(): void {
    if (this.#taken !== this.#told) this.#post([]);
  }

  #post(messages: readonly Out[]): void {
    this.#options.post({ taken: this.#taken, messages });
    this.#told = this.#taken;
    if (messages.length > 0) this.#posted++;
  }
}
