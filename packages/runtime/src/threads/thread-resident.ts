import { type Clock, messageOf } from '@tutti/kernel';
import type { AnyActorLogic, EventObject } from 'xstate';
import { Asked } from '../actor/ask.ts';
import type { Address, Ref, Terminated } from '../actor/ref.ts';
import { decodeRefs, encodeRefs } from '../cluster/ref-codec.ts';
import { encodedView } from '../cluster/snapshot-view.ts';
import { errorToWire } from '../cluster/wire-error.ts';
import type { DeadLetterReason } from '../mailbox/dead-letters.ts';
import type { ReplyTarget } from '../system/actor-system.ts';
import type { LocalActorSystem } from '../system/local-actor-system.ts';
import type { LocalRef } from '../system/local-ref.ts';
import type { FromThread, LifeEnd, LifeStart, ToThread } from './thread-messages.ts';

/** What one life in a thread is given. */
export interface ThreadResidentOptions {
  readonly life: number;
  readonly address: Address;
  readonly clock: Clock;
  readonly system: LocalActorSystem;
  readonly push: (message: FromThread) => void;
  /** There is something to sum up. */
  changed(): void;
  ended(): void;
  /** It has ended, and nothing that it left is a dead letter any more. */
  buried(): void;
}

type ToLife = Exclude<Extract<ToThread, { life: number }>, { t: 'start' }>;

/** One life of an actor in a thread: it hands in what the node posts, and says what became of it. */
export class ThreadResident {
  readonly #options: ThreadResidentOptions;
  #ref: LocalRef | undefined;
  /** What came before its module was there. */
  #early: ToLife[] = [];
  #isOver = false;
  #isEnding = false;
  #isFollowed = false;
  #snapshot: unknown;
  /** The state value that the node knows. */
  #toldValue: unknown;
  #isNews = false;
  #handled: number[] = [];
  #putOff: number[] = [];
  /** How often each event waits to be handled: one object that was sent twice in a turn is one object here as well. */
  readonly #pending = new Map<EventObject, number>();

  constructor(options: ThreadResidentOptions) {
    this.#options = options;
  }

  begin(logic: AnyActorLogic, name: string, { input, stashLimit }: LifeStart): void {
    if (this.#isOver) return;
    const { system, address, life, push } = this.#options;
    try {
      this.#ref = system.spawnAs(address, logic, {
        input: this.#decode(input),
        supervise: { restart: 'temporary', shutdownMs: Infinity },
        mailbox: { stashLimit },
      });
    } catch (error) {
      return this.end({ reason: 'failed', problem: messageOf(error), view: undefined });
    }
    push({ t: 'started', life, logic: name });
    this.#ref.subscribe((snapshot) => this.#changed(snapshot));
    this.#ref.watch((notice) => this.#terminated(notice));
    const early = this.#early;
    this.#early = [];
    for (const message of early) this.receive(message);
  }

  receive(message: ToLife): void {
    if (message.t === 'drop' && !this.#ref)
      return this.end({ reason: 'stopped', problem: undefined, view: undefined });
    if (this.#isEnding) return;
    if (!this.#ref) return void this.#early.push(message);
    switch (message.t) {
      case 'event':
      case 'ask':
        return this.#deliver(message);
      case 'stop':
        return void this.#ref.stop();
      case 'drop':
        return this.#ref.cell?.stopNow();
      case 'follow':
      case 'unfollow':
        this.#isFollowed = message.t === 'follow';
        // Who follows is shown the present one. Of what has yet to be told the state value is, also when nobody follows.
        if (this.#isFollowed) this.#isNews = this.#snapshot !== undefined;
        return this.#options.changed();
    }
  }

  /** Says what was handled, and what the actor has become, since the last time. */
  tell(): void {
    const { life, push } = this.#options;
    if (this.#handled.length > 0 || this.#putOff.length > 0) {
      push({ t: 'done', life, handled: this.#handled, putOff: this.#putOff });
      this.#handled = [];
      this.#putOff = [];
    }
    if (!this.#isNews) return;
    this.#isNews = false;
    const { value } = this.#snapshot as { value?: unknown };
    this.#toldValue = value;
    const view = this.#isFollowed ? this.#view() : { value };
    if (view !== undefined) push({ t: 'snapshot', life, view, isWhole: this.#isFollowed });
  }

  /** The life is over. The node keeps what was not handled. */
  end(end: LifeEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isNews = false;
    this.tell();
    this.#options.push({ t: 'ended', life: this.#options.life, end });
    this.#options.ended();
    this.#maybeBuried();
  }

  /** Whether a letter to it is of one of its messages that the node has kept, and will see to itself. */
  keeps(event: EventObject, reason: DeadLetterReason): boolean {
    if (reason !== 'stopped' || !this.#pending.has(event)) return false;
    this.#noLongerPending(event);
    this.#maybeBuried();
    return true;
  }

  /** Of very many messages that it leaves some are buried only after its end. */
  #maybeBuried(): void {
    if (this.#isOver && this.#pending.size === 0) this.#options.buried();
  }

  #decode(value: unknown): unknown {
    return decodeRefs(value, (address): Ref => this.#options.system.ref(address));
  }

  #view(): unknown {
    try {
      return encodedView(this.#snapshot);
    } catch {
      return undefined;
    }
  }

  #changed(snapshot: unknown): void {
    this.#snapshot = snapshot;
    if (!this.#isFollowed && (snapshot as { value?: unknown }).value === this.#toldValue) return;
    this.#isNews = true;
    this.#options.changed();
  }

  #terminated({ reason, problem }: Terminated): void {
    this.#isEnding = true;
    const end = { reason, problem, view: this.#view() };
    // Often it ends while it handles a message, of which it has yet to be said that it was handled.
    this.#options.clock.nextTurn(() => this.end(end));
  }

  #noLongerPending(event: EventObject): void {
    const left = this.#pending.get(event)! - 1;
    if (left > 0) this.#pending.set(event, left);
    else this.#pending.delete(event);
  }

  #deliver(message: Extract<ToLife, { t: 'event' | 'ask' }>): void {
    const { life, clock, address, push } = this.#options;
    const { seq } = message;
    const event = this.#decode(message.event) as EventObject;
    this.#pending.set(event, (this.#pending.get(event) ?? 0) + 1);
    const isAsk = message.t === 'ask';
    let isDone = false;
    const done = () => {
      if (isDone) return;
      isDone = true;
      this.#noLongerPending(event);
      this.#handled.push(seq);
      this.#options.changed();
    };
    const fail = (error: Error) => {
      // What its end left in the mailbox has not been handled: the node has it for the next life.
      if (this.#ref!.cell?.isStopped ?? true) return;
      push({ t: 'fail', life, seq, error: errorToWire(error, address) });
      done();
    };
    const target: ReplyTarget = {
      ...(isAsk ? { deadline: clock.now() + message.ttlMs } : { isReceipt: true }),
      reply: (value) => {
        if (!isAsk) return;
        try {
          push({ t: 'reply', life, seq, value: encodeRefs(value) });
        } catch (error) {
          fail(error as Error);
        }
      },
      fail,
      handled: done,
      putOff: () => {
        this.#putOff.push(seq);
        this.#options.changed();
      },
    };
    this.#ref!.deliver(new Asked(event, target));
  }
}
