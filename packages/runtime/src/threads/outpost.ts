import { messageOf, TuttiError } from '@tutti/kernel';
import type { AnyActorRef, EventObject, Snapshot } from 'xstate';
import { Asked } from '../actor/ask.ts';
import type { Address } from '../actor/ref.ts';
import type { HostedSelf } from '../actor/xstate-adapter.ts';
import { encodeRefs } from '../cluster/ref-codec.ts';
import { errorFromWire } from '../cluster/wire-error.ts';
import { type DeliveryEvent, ReceiptTarget } from '../delivery/delivery-log.ts';
import type { DeadLetters } from '../mailbox/dead-letters.ts';
import type { MailboxPlan } from '../mailbox/lane-plan.ts';
import type { UserMessage } from '../mailbox/user-lane.ts';
import type { ReplyTarget } from '../system/actor-system.ts';
import type { FromThread, LifeEnd, LifeStart, ToThread } from './thread-messages.ts';
import { LIFE_ENDED, type ThreadedSpec } from './threaded.ts';

/** The cell that stands on the node for an actor of a thread. */
export interface OutpostCell {
  readonly address: Address;
  /** How long it has for its end. */
  readonly shutdownMs: number;
  readonly settings: { readonly mailbox: Pick<MailboxPlan, 'stashLimit'> };
  /** There is room for more messages. */
  wake(): void;
  /** The life in the thread is up. */
  reportUp(): void;
  /** Shows what the thread shows: whole, for subscribers, or no more than the state value, for the tree. */
  mirror(snapshot: Snapshot<unknown>, isWhole: boolean): void;
}

/** One thread, as its actors need it. */
export interface OutpostThread {
  readonly number: number;
  /** Whether it takes one more message. */
  readonly hasRoom: boolean;
  readonly deadLetters: DeadLetters;
  now(): number;
  /** What a value becomes on this side. */
  decode(value: unknown): unknown;
  begin(outpost: Outpost, start: LifeStart): number;
  /** Posts, and counts those that its actors have not taken out of their mailboxes. */
  post(message: ToThread): void;
  taken(count: number): void;
  /** Ends a life at once. If the thread has not said so in this time, the thread is ended. */
  drop(life: number, graceMs: number): void;
  /** Nobody stands for this life any more. */
  forget(life: number): void;
}

interface Entry {
  readonly event: EventObject;
  /** Who waits, and has not been answered. */
  target: ReplyTarget | undefined;
  /** It is not in the mailbox there any more. */
  isTaken: boolean;
}

interface Life {
  readonly number: number;
  readonly thread: OutpostThread;
  readonly self: HostedSelf;
}

/** Asks that an actor has handled and may answer later, as many as an actor of the node may hold. */
const LATE_MAX = 10_000;
/** How long a thread may take to let go of an actor whose deadline is over. */
const DROP_MS = 1_000;

/** What an actor's messages are allowed. */
export interface OutpostOptions {
  /** Messages of one actor that may be in the thread, not handled and not put off. */
  readonly windowMax: number;
  place(): OutpostThread;
}

/**
 * What a cell has in place of logic of its own when the logic runs in a thread. It keeps each message until the thread
 * says that it was handled: so a life that failed leaves the others to the next one, and when a thread ends without a
 * word, what it may have handled is not handled again but becomes dead letters, unless it came over a channel. What finds
 * no room waits in the cell's mailbox, under the options of that.
 */
export class Outpost {
  readonly #cell: OutpostCell;
  readonly #spec: ThreadedSpec;
  readonly #options: OutpostOptions;
  /** Not handled, by number, the oldest first. */
  readonly #entries = new Map<number, Entry>();
  /** Asks that were handled without an answer so far, the oldest first. */
  readonly #late = new Map<number, Entry>();
  #nextSeq = 1;
  /** Entries in the mailbox there. */
  #untaken = 0;
  #life: Life | undefined;
  #followers = 0;
  #logic: string | undefined;
  /** The life has said that it is up. */
  #isUp = false;
  #isStopping = false;
  #isRecalled = false;
  /** Takes what an actor that has ended leaves unhandled. */
  #heir: ((messages: readonly UserMessage[]) => void) | undefined;

  constructor(cell: OutpostCell, spec: ThreadedSpec, options: OutpostOptions) {
    this.#cell = cell;
    this.#spec = spec;
    this.#options = options;
  }

  /** Whether the next message has to wait. */
  get isFull(): boolean {
    if (!this.#life || this.#isRecalled) return true;
    return this.#untaken >= this.#options.windowMax || !this.#life.thread.hasRoom;
  }

  /** Messages that the thread has not handled. */
  get waiting(): number {
    return this.#entries.size;
  }

  /** Whether a numbered message is in the thread, and nobody knows that it was handled. */
  owesReceipt({ channel, number }: DeliveryEvent): boolean {
    for (const { target } of this.#entries.values()) {
      if (!(target instanceof ReceiptTarget)) continue;
      if (target.delivery.channel === channel && target.delivery.number === number) return true;
    }
    return false;
  }

  /** The logic's own name, once it is known. */
  get logic(): string {
    return this.#logic ?? this.#spec.module.slice(this.#spec.module.lastIndexOf('/') + 1);
  }

  /** The number of its thread. */
  get thread(): number | undefined {
    return this.#life?.thread.number;
  }

  get isRecalled(): boolean {
    return this.#isRecalled;
  }

  /** Whether it has been through all that it was sent, as far as is known: then it hardly is what its thread ended on. */
  get isIdle(): boolean {
    return this.#isUp && this.#untaken === 0 && !this.#isRecalled && !this.#heir;
  }

  /** A new life begins, with what the one before has left. */
  begin(self: HostedSelf, input: unknown): void {
    if (this.#life) this.#disown(this.#life);
    this.#isUp = false;
    this.#isRecalled = false;
    this.#isStopping = false;
    const thread = this.#options.place();
    const { address, settings } = this.#cell;
    const { stashLimit } = settings.mailbox;
    const number = thread.begin(this, { ...this.#spec, address, input: encodeRefs(input), stashLimit });
    this.#life = { number, thread, self };
    if (this.#followers > 0) thread.post({ t: 'follow', life: number });
    for (const [seq, entry] of this.#entries) this.#post(this.#life, seq, entry);
  }

  forward(event: EventObject, target: ReplyTarget | undefined): void {
    const seq = this.#nextSeq++;
    const entry = { event, target, isTaken: true };
    this.#entries.set(seq, entry);
    this.#post(this.#life!, seq, entry);
  }

  #post({ number: life, thread }: Life, seq: number, entry: Entry): void {
    const { target } = entry;
    try {
      const event = encodeRefs(entry.event);
      const ttlMs = (target?.deadline ?? Infinity) - thread.now();
      const isAsk = target !== undefined && !target.isReceipt;
      entry.isTaken = false;
      this.#untaken++;
      thread.post(isAsk ? { t: 'ask', life, seq, event, ttlMs } : { t: 'event', life, seq, event });
    } catch (error) {
      this.refused(seq, error);
    }
  }

  /** A message cannot cross. */
  refused(seq: number, error: unknown): void {
    const entry = this.#entries.get(seq);
    if (!entry) return;
    const wasFull = this.isFull;
    this.#entries.delete(seq);
    this.#takeOut(entry);
    const { address } = this.#cell;
    const reason = uncloneable(`The event "${entry.event.type}" to ${address}`, error);
    this.#bury(entry, 'unreachable');
    entry.target?.fail(reason);
    if (wasFull) this.wake();
  }

  /** What could not be said to begin a life ends it. */
  cannotBegin(error: unknown): void {
    const problem = uncloneable(`The input of ${this.#cell.address}`, error);
    this.#ended({ reason: 'failed', problem: problem.message, view: undefined }, problem);
  }

  /** The thread speaks of the present life. */
  receive(message: Extract<FromThread, { life: number }>): void {
    switch (message.t) {
      case 'started':
        this.#logic = message.logic;
        this.#isUp = true;
        return this.#cell.reportUp();
      case 'done':
        return this.#done(message.handled, message.putOff);
      case 'reply':
        return this.#reply(message.seq, this.#life?.thread.decode(message.value));
      case 'fail':
        return this.#takeTarget(message.seq)?.fail(errorFromWire(message.error));
      case 'snapshot':
        return this.#mirror(message.view, message.isWhole);
      case 'ended': {
        const { end } = message;
        return this.#ended(end, end.reason === 'failed' ? failureOf(end) : undefined);
      }
    }
  }

  /**
   * The thread ended, and nobody knows what it did last. That is told of each message, but for those of channels, which
   * may be handled twice and must not be lost: they go to the next life.
   */
  lost(error: TuttiError): void {
    for (const { target } of this.#late.values()) target?.fail(this.#failure(error));
    this.#late.clear();
    for (const [seq, entry] of this.#entries) {
      if (entry.target?.isReceipt) continue;
      this.#entries.delete(seq);
      this.#bury(entry, 'thread-lost');
      entry.target?.fail(this.#failure(error));
    }
    this.#ended({ reason: 'failed', problem: error.message, view: undefined }, error);
  }

  /** Asks the life to end as actors do, after what it was sent. False when there is none: then it has ended. */
  stop(): boolean {
    const life = this.#life;
    if (life && !this.#isStopping && !this.#isRecalled) life.thread.post({ t: 'stop', life: life.number });
    this.#isStopping = true;
    return life !== undefined;
  }

  /** Takes the life back, to begin another with what it has not handled. False when there is none. */
  recall(): boolean {
    const life = this.#life;
    if (!life) return false;
    if (!this.#isRecalled) life.thread.drop(life.number, this.#cell.shutdownMs);
    this.#isRecalled = true;
    return true;
  }

  /** The life that stood for the one in the thread ends before it. What that handles until it is told, it still says. */
  abandon(): void {
    const life = this.#life;
    if (life) life.thread.drop(life.number, DROP_MS);
  }

  /**
   * The actor is gone: gives what it has not handled, and will not, the oldest first, as soon as that is known. Nobody else
   * who waits will be answered then.
   */
  takeBack(heir: (messages: readonly UserMessage[]) => void): void {
    this.#heir = heir;
    if (!this.#life) this.#giveBack(heir);
  }

  #giveBack(heir: (messages: readonly UserMessage[]) => void): void {
    this.#giveUpAnswers();
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    heir(
      entries
        .filter(({ target }) => !target?.isReceipt)
        .map(({ event, target }) => (target ? new Asked(event, target) : event)),
    );
  }

  /** Has whole snapshots shown, until the function that it returns is called. The first is the present one. */
  follow(): () => void {
    this.#followers++;
    this.#tell('follow');
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      if (--this.#followers === 0) this.#tell('unfollow');
    };
  }

  /** Its thread has room again. */
  wake(): void {
    if (!this.isFull) this.#cell.wake();
  }

  #tell(t: 'follow' | 'unfollow'): void {
    if (this.#life) this.#life.thread.post({ t, life: this.#life.number });
  }

  #done(handled: readonly number[], putOff: readonly number[]): void {
    const wasFull = this.isFull;
    for (const seq of putOff) {
      const entry = this.#entries.get(seq);
      if (entry) this.#takeOut(entry);
    }
    for (const seq of handled) {
      const entry = this.#entries.get(seq);
      if (!entry) continue;
      this.#takeOut(entry);
      this.#entries.delete(seq);
      if (entry.target?.isReceipt) entry.target.reply(undefined);
      else if (entry.target) this.#late.set(seq, entry);
    }
    this.#forgetLate();
    if (wasFull) this.wake();
  }

  /** Of those whose asker waits no more nothing is kept, nor of more than an actor may hold. */
  #forgetLate(): void {
    const now = this.#life?.thread.now() ?? 0;
    for (const [seq, { target }] of this.#late) {
      const isOver = (target?.deadline ?? Infinity) <= now;
      if (!isOver && this.#late.size <= LATE_MAX) return;
      this.#late.delete(seq);
      const what = `The asks that ${this.#cell.address} has yet to answer`;
      if (!isOver)
        target?.fail(new TuttiError('TUTTI_OVERLOADED', { what, size: LATE_MAX + 1, limit: LATE_MAX }));
    }
  }

  #reply(seq: number, value: unknown): void {
    const target = this.#takeTarget(seq);
    if (target) return target.reply(value);
    // Its ask is over, and was forgotten; as with any other that comes late, that is said.
    this.#life?.thread.deadLetters.publish('ask', { type: 'reply', value } as EventObject, 'late-reply');
  }

  /** Whoever waits for the answer to a message, for the one time that it is answered. */
  #takeTarget(seq: number): ReplyTarget | undefined {
    const entry = this.#late.get(seq) ?? this.#entries.get(seq);
    this.#late.delete(seq);
    const target = entry?.target;
    if (entry) entry.target = undefined;
    return target;
  }

  #mirror(view: unknown, isWhole: boolean): void {
    const snapshot = {
      output: undefined,
      error: undefined,
      ...(this.#life?.thread.decode(view) as object),
      status: 'active',
    };
    this.#cell.mirror(snapshot as Snapshot<unknown>, isWhole);
  }

  #ended(end: LifeEnd, error: unknown): void {
    const life = this.#life;
    if (!life) return;
    this.#leave(life);
    if (this.#heir) return this.#giveBack(this.#heir);
    this.#giveUpAnswers();
    const self = life.self as object as AnyActorRef;
    const event = { type: LIFE_ENDED, end: { ...end, view: life.thread.decode(end.view) }, error };
    // From itself, as a promise tells that it is done: in the system lane, and to no later life.
    life.self.system._relay(self, self, event);
  }

  /** What a life had put by to answer later, it will not. */
  #giveUpAnswers(): void {
    const gone = new TuttiError('TUTTI_ACTOR_UNKNOWN', { address: this.#cell.address });
    const late = [...this.#late.values()];
    this.#late.clear();
    for (const { target } of late) target?.fail(gone);
  }

  /** It was to end, and has not said so by the time that the next one begins. */
  #disown(life: Life): void {
    this.#leave(life);
    life.thread.drop(life.number, DROP_MS);
  }

  #leave({ number, thread }: Life): void {
    this.#life = undefined;
    thread.taken(this.#untaken);
    this.#untaken = 0;
    thread.forget(number);
  }

  #takeOut(entry: Entry): void {
    if (entry.isTaken) return;
    entry.isTaken = true;
    this.#untaken--;
    this.#life?.thread.taken(1);
  }

  #bury({ event, target }: Entry, reason: 'thread-lost' | 'unreachable'): void {
    // Of those that wait for a receipt their channel reports what it gives up.
    if (!target?.isReceipt) this.#life?.thread.deadLetters.publish(this.#cell.address, event, reason);
  }

  #failure(error: TuttiError): TuttiError {
    const details = { address: this.#cell.address, problem: error.message };
    return new TuttiError('TUTTI_ACTOR_FAILED', details, { cause: error });
  }
}

const failureOf = ({ error, problem }: LifeEnd): Error => (error ? errorFromWire(error) : new Error(problem));

/** What structured cloning refused, as an error of ours; others stay what they are. */
export function uncloneable(what: string, error: unknown): TuttiError {
  if (error instanceof TuttiError) return error;
  return new TuttiError('TUTTI_THREAD_VALUE', { what, problem: messageOf(error) });
}
