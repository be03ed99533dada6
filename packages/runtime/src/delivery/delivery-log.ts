import type { EventObject } from 'xstate';
import type { ReplyTarget } from '../system/actor-system.ts';
import { type Birth, ForgottenChannels, isBirth } from './forgotten-channels.ts';

/** The type of an event that carries a numbered one. The runtime takes it apart; no logic ever sees it. */
export const DELIVERY = 'tutti.delivery';

/** One message of a reliable channel, as it lies in a mailbox and crosses the wire: an ask that is answered by a receipt. */
export interface DeliveryEvent extends EventObject {
  readonly type: typeof DELIVERY;
  /** Names the sender's channel; unique for as long as anybody remembers it. */
  readonly channel: string;
  /** Counted from 1 within the channel. */
  readonly number: number;
  /** The sender waits for no number below this one any more. */
  readonly base: number;
  /** It may have arrived before. */
  readonly isAgain: boolean;
  /**
   * When the channel sent its first message, said until there has been a receipt. Undefined of one whose name was given: it
   * may be older than this life of its sender. Since `LEVEL.channelBirths`.
   */
  readonly birth?: Birth;
  /** Undefined when the channel ends here. */
  readonly event: EventObject | undefined;
}

/**
 * What becomes of a numbered message. `handled`: its transition is committed. `duplicate`: it had been handled before,
 * and was not again. `ahead`: one before it is missing, so it was not handled. `expired`: its channel may have been
 * forgotten, so nobody can say whether it had been handled; it was not handled now.
 */
export type DeliveryFate = 'handled' | 'duplicate' | 'ahead' | 'expired';

/** How a numbered message is answered. */
export interface Receipt {
  readonly $receipt: DeliveryFate;
  /** Every number of the channel up to here is handled; the sender goes on after it when this one was ahead. */
  readonly upTo: number;
}

const isWhole = (value: unknown, least: number): boolean =>
  Number.isSafeInteger(value) && (value as number) >= least;

/** Whether an event that says it is a delivery has the shape of one; it may come from another node. */
export function isDelivery(event: EventObject): event is DeliveryEvent {
  const { channel, number, base, birth, event: inner } = event as Partial<DeliveryEvent>;
  if (typeof channel !== 'string' || !isWhole(number, 1) || !isWhole(base, 1) || base! > number!)
    return false;
  if (birth !== undefined && !isBirth(birth)) return false;
  return (
    inner === undefined ||
    inner === null ||
    (typeof inner === 'object' && typeof inner.type === 'string' && inner.type !== DELIVERY)
  );
}

export const isReceipt = (value: unknown): value is Receipt =>
  typeof value === 'object' && value !== null && '$receipt' in value;

/** Channels that one receiver remembers; of more, it forgets the one that was silent longest. */
export const CHANNELS_MAX = 256;

/** Where a persisted snapshot keeps the log of its actor's deliveries. */
const KEY = '$deliveries';

type Row = readonly [channel: string, next: number, birth?: Birth];

interface Kept {
  readonly next: readonly Row[];
  readonly forgotten: boolean;
  /** See {@link ForgottenChannels}. */
  readonly births?: readonly Birth[];
}

/**
 * Which number a receiver expects next from each channel: what tells a message that arrives again, or too early, from
 * the next one. It belongs to the receiver's state. Kept with a committed snapshot, it makes the channel's messages take
 * effect once each, whatever is sent again.
 */
export class DeliveryLog {
  /** In the order of the last message, the longest silent first. */
  readonly #next = new Map<string, number>();
  /** Of those of them that have said it. */
  readonly #births = new Map<string, Birth>();
  #forgotten = new ForgottenChannels();
  /** The message being handled: it counts only once its transition has been computed. */
  #arriving: DeliveryEvent | undefined;

  /** What is to become of a message; `handled` asks for it to be handled now. */
  judge({ channel, number, base, isAgain, birth }: DeliveryEvent): DeliveryFate {
    const known = this.#next.get(channel);
    if (known === undefined && (isAgain || base > 1) && this.#forgotten.mayHave(birth)) return 'expired';
    // What the sender does not wait for any more was handled, or it has been told that it was not.
    const next = Math.max(known ?? 1, base);
    if (number < next) return 'duplicate';
    return number === next ? 'handled' : 'ahead';
  }

  /** The receipt that says so. */
  receipt({ channel, base }: DeliveryEvent, $receipt: DeliveryFate): Receipt {
    return { $receipt, upTo: Math.max(this.#next.get(channel) ?? 1, base) - 1 };
  }

  /** Remembers that a message has been handled. */
  accept({ channel, number, birth }: DeliveryEvent): void {
    this.#next.delete(channel);
    this.#next.set(channel, number + 1);
    if (birth) this.#births.set(channel, birth);
    if (this.#next.size <= CHANNELS_MAX) return;
    const oldest = this.#next.keys().next().value!;
    this.#forgotten.add(this.#births.get(oldest));
    this.forget(oldest);
  }

  /** The channel has ended and will not come again. */
  forget(channel: string): void {
    this.#next.delete(channel);
    this.#births.delete(channel);
  }

  /** Says that this message is being handled, until {@link arrived} or {@link settle}. */
  arrive(delivery: DeliveryEvent): void {
    this.#arriving = delivery;
  }

  /** The transition has been computed: the message being handled, if there is one, counts. Says whether there was one. */
  arrived(): boolean {
    const delivery = this.#arriving;
    if (!delivery) return false;
    this.#arriving = undefined;
    this.accept(delivery);
    return true;
  }

  /** No message is being handled any more; one that failed does not count. */
  settle(): void {
    this.#arriving = undefined;
  }

  /** Puts the log into a persisted snapshot, where `getPersistedSnapshot` has no place for it. */
  static keepIn(persisted: unknown, log: DeliveryLog | undefined): unknown {
    if (!log || (log.#next.size === 0 && log.#forgotten.isEmpty)) return persisted;
    return { ...(persisted as object), [KEY]: log.#kept() };
  }

  #kept(): Kept {
    const next = [...this.#next].map(([channel, number]): Row => {
      const birth = this.#births.get(channel);
      return birth ? [channel, number, birth] : [channel, number];
    });
    const births = this.#forgotten.births();
    const forgotten = !this.#forgotten.isEmpty;
    return births.length > 0 ? { next, forgotten, births } : { next, forgotten };
  }

  /** Takes a persisted snapshot and its log apart. */
  static takeFrom(persisted: unknown): {
    readonly persisted: unknown;
    readonly log: DeliveryLog | undefined;
  } {
    if (typeof persisted !== 'object' || persisted === null || !(KEY in persisted))
      return { persisted, log: undefined };
    const { [KEY]: kept, ...rest } = persisted as { readonly [KEY]: Kept };
    const log = new DeliveryLog();
    for (const [channel, next, birth] of kept.next) {
      log.#next.set(channel, next);
      if (birth) log.#births.set(channel, birth);
    }
    log.#forgotten = ForgottenChannels.of(kept.births ?? [], !kept.forgotten);
    return { persisted: rest, log };
  }
}

/**
 * Stands where who asked would stand while a numbered message is handled. The logic's own replies do not go here: what
 * answers is that the message has been handled, and that its turn is committed.
 */
export class ReceiptTarget implements ReplyTarget {
  readonly isReceipt = true;
  readonly delivery: DeliveryEvent;
  readonly #target: ReplyTarget;
  readonly #receipt: () => Receipt;

  constructor(target: ReplyTarget, delivery: DeliveryEvent, receipt: () => Receipt) {
    this.#target = target;
    this.delivery = delivery;
    this.#receipt = receipt;
  }

  reply(): void {
    this.#target.reply(this.#receipt());
  }

  fail(error: Error): void {
    this.#target.fail(error);
  }
}
