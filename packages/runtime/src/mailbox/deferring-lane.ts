import { Ring } from '@tutti/kernel';
import type { EventObject, Snapshot } from 'xstate';
import { Asked } from '../actor/ask.ts';
import { eventOf, type OrderedLane, type UserLane, type UserMessage } from './user-lane.ts';

/** Messages that one {@link UserLane.shift} looks at, so that putting thousands off does not hold the node. */
const LOOKS_MAX = 256;

/** What decides which messages wait. */
export interface Deferral {
  /** The current snapshot; undefined before the first. */
  snapshot(): Snapshot<unknown> | undefined;
  /** The event types that wait in a snapshot. */
  typesOf(snapshot: Snapshot<unknown>): readonly string[];
  /** How many may wait. */
  readonly limit: number;
  /** Told of each message that found no room. */
  full(message: UserMessage): void;
}

/**
 * A lane that passes over the messages whose types the present state puts off, and gives them out before anything newer
 * and in their order as soon as it does not. (Erlang/OTP, gen_statem, "postpone"; Akka, stash.) A list of types that
 * has not changed would only put the same messages off again, so they are looked at when it changes.
 */
export class DeferringLane implements OrderedLane {
  readonly #inner: UserLane | OrderedLane;
  readonly #deferral: Deferral;
  #stash: Ring<UserMessage>;
  /** What was put off and is looked at again. Older than all that waits, and newer than what is put off. */
  #again: Ring<UserMessage>;
  #types: readonly string[] = [];
  #seen: Snapshot<unknown> | undefined;
  #isOpen = false;

  constructor(inner: UserLane | OrderedLane, deferral: Deferral) {
    this.#inner = inner;
    this.#deferral = deferral;
    this.#stash = new Ring(deferral.limit);
    this.#again = new Ring(deferral.limit);
  }

  get size(): number {
    return this.#inner.size;
  }

  get capacity(): number {
    return this.#inner.capacity + this.#stash.capacity + this.#again.capacity;
  }

  get isReady(): boolean {
    if (this.#inner.size > 0 || this.#again.size > 0) return true;
    if (this.#stash.size === 0) return false;
    this.#look();
    return this.#again.size > 0;
  }

  get deferred(): number {
    return this.#stash.size + this.#again.size;
  }

  push(message: UserMessage): boolean {
    return this.#inner.push(message);
  }

  shift(): UserMessage | undefined {
    this.#look();
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      const message = this.#again.shift() ?? this.#inner.shift();
      if (message === undefined || !this.#waits(eventOf(message).type)) return message;
      this.#putOff(message);
    }
    return undefined;
  }

  evict(newer: UserMessage): UserMessage {
    return 'evict' in this.#inner ? this.#inner.evict(newer) : this.#inner.shift()!;
  }

  defer(event: EventObject): boolean {
    this.#look();
    if (event.type.startsWith('xstate.') || !this.#waits(event.type)) return false;
    this.#putOff(event);
    return true;
  }

  open(): void {
    this.#isOpen = true;
    this.#types = [];
    this.#lookAgain();
  }

  #putOff(message: UserMessage): void {
    // What is looked at again has kept its place here.
    const hasRoom = this.deferred < this.#deferral.limit;
    if (!hasRoom || !this.#stash.push(message)) this.#deferral.full(message);
    else if (message instanceof Asked) message.target.putOff?.();
  }

  #waits(type: string): boolean {
    return this.#types.some((each) => matches(type, each));
  }

  #look(): void {
    const snapshot = this.#deferral.snapshot();
    if (snapshot === this.#seen || snapshot === undefined || this.#isOpen) return;
    this.#seen = snapshot;
    const types = this.#deferral.typesOf(snapshot);
    if (isSame(types, this.#types)) return;
    this.#types = types;
    this.#lookAgain();
  }

  #lookAgain(): void {
    if (this.#again.size === 0) [this.#stash, this.#again] = [this.#again, this.#stash];
    else {
      for (let at = this.#stash.size - 1; at >= 0; at--) this.#again.unshift(this.#stash.at(at)!);
      this.#stash.clear();
    }
  }
}

/** As XState matches descriptors: `*` is any type, and `a.*` is `a` and all that begins with `a.`. */
function matches(type: string, descriptor: string): boolean {
  if (descriptor === type || descriptor === '*') return true;
  if (!descriptor.endsWith('.*')) return false;
  const prefix = descriptor.slice(0, -2);
  return type === prefix || type.startsWith(`${prefix}.`);
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one === other || (one.length === other.length && one.every((type, at) => type === other[at]));
}
