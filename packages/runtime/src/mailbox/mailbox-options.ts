/** What a full mailbox does with one more message. The message that loses is always a counted dead letter. */
export type MailboxOverflow = 'drop-new' | 'drop-old' | 'reject';

/** How many user messages may wait for one actor, and what happens to the next one. */
export interface MailboxOptions {
  /** From 1 to {@link MAILBOX_LIMIT_MAX}; default the maximum, which stands for "unbounded". */
  readonly limit?: number;
  /**
   * Default `reject`: the newest message is not taken, and whoever asked is told `TUTTI_OVERLOADED`. `drop-new` does the
   * same, but an ask is left to its deadline. `drop-old` makes room by losing the oldest waiting message.
   */
  readonly overflow?: MailboxOverflow;
}

/** The bound of every mailbox: 2^20 messages. */
export const MAILBOX_LIMIT_MAX = 2 ** 20;
