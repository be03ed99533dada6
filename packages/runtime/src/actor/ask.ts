import { type Clock, type Timer, TuttiError } from '@tutti/kernel';
import type { EventObject } from 'xstate';
import { isReceipt } from '../delivery/delivery-log.ts';
import type { DeadLetterReason, DeadLetters } from '../mailbox/dead-letters.ts';
import { inSlices, SLICE_DEFAULT } from '../scheduler/in-slices.ts';
import type { ReplyTarget } from '../system/actor-system.ts';
import { AskSignals } from './ask-signals.ts';
import type { Address, AskOptions } from './ref.ts';

/** An event that somebody waits for an answer to, as it lies in a mailbox. */
export class Asked {
  readonly event: EventObject;
  readonly target: ReplyTarget;

  constructor(event: EventObject, target: ReplyTarget) {
    this.event = event;
    this.target = target;
  }
}

/**
 * Makes a dead letter of a message, and fails it if somebody asked: always when the actor is gone, and when its mailbox
 * was full only with `full`, since some policies leave the ask to its deadline.
 */
export function refuse(
  deadLetters: DeadLetters,
  address: Address,
  message: EventObject | Asked,
  reason: DeadLetterReason,
  full: { readonly size: number; readonly limit: number } | undefined,
): void {
  if (!(message instanceof Asked)) return deadLetters.publish(address, message, reason);
  deadLetters.publish(address, message.event, reason);
  if (reason === 'stopped') message.target.fail(new TuttiError('TUTTI_ACTOR_UNKNOWN', { address }));
  else if (full) {
    message.target.fail(new TuttiError('TUTTI_OVERLOADED', { what: `The mailbox of ${address}`, ...full }));
  }
}

export const ASK_TIMEOUT_MS_DEFAULT = 5_000;
/** Lines of different durations up to here are as long as they were asked to be; further ones come in steps. */
const LINES_EXACT_MAX = 256;
const COARSE_MS = 50;

const NOTHING: EventObject = { type: '' };

/** Used again and again, so an ask makes none of its own. */
class Slot {
  generation = 0;
  address: Address = '';
  event = NOTHING;
  timeoutMs = 0;
  deadline = 0;
  resolve: ((value: never) => void) | undefined = undefined;
  reject: ((error: Error) => void) | undefined = undefined;
  signal: AbortSignal | undefined = undefined;
  older = -1;
  newer = -1;
}

/** The open asks of one duration. Each was opened after the one before it, so the oldest is always due first. */
interface DeadlineLine {
  oldest: number;
  newest: number;
  timer: Timer | undefined;
}

/** What a line is promised about a slot: which one, and in which of its lives. */
class SlotTarget implements ReplyTarget {
  readonly #table: AskTable;
  readonly #slot: number;
  readonly #generation: number;

  constructor(table: AskTable, slot: number, generation: number) {
    this.#table = table;
    this.#slot = slot;
    this.#generation = generation;
  }

  get deadline(): number {
    return this.#table.deadlineOf(this.#slot, this.#generation);
  }

  reply(value: unknown): void {
    this.#table.settle(this.#slot, this.#generation, value, undefined);
  }

  fail(error: Error): void {
    this.#table.settle(this.#slot, this.#generation, undefined, error);
  }
}

/**
 * Every ask of a node that waits for its answer: a table of slots that are used again, each with a generation, so that
 * an answer to an ask that is over finds nobody. Deadlines stand in one line per duration with one timer each.
 */
export class AskTable {
  readonly #clock: Clock;
  readonly #deadLetters: DeadLetters;
  readonly #limit: number;
  /** When the ask that is being handled now is over. */
  readonly #inherited: () => number;
  readonly #slots: Slot[] = [];
  readonly #free: number[] = [];
  readonly #lines = new Map<number, DeadlineLine>();
  readonly #signals = new AskSignals((asks) => this.#abort(asks));

  constructor(clock: Clock, deadLetters: DeadLetters, limit: number, inherited = () => Infinity) {
    this.#clock = clock;
    this.#deadLetters = deadLetters;
    this.#limit = limit;
    this.#inherited = inherited;
  }

  /** Asks waiting now. */
  get size(): number {
    return this.#slots.length - this.#free.length;
  }

  /** Timers set now: at most one for each different duration in use. */
  get timerCount(): number {
    let armed = 0;
    for (const line of this.#lines.values()) if (line.timer) armed++;
    return armed;
  }

  /** Opens a slot and hands its target to `send`; the promise settles when the target does, or when time is up. */
  ask<Reply>(
    address: Address,
    event: EventObject,
    options: AskOptions,
    send: (asked: Asked) => void,
  ): Promise<Reply> {
    const { signal } = options;
    const timeoutMs = this.#timeoutMs(options);
    if (Number.isNaN(timeoutMs)) {
      const details = { option: 'timeoutMs', value: 'NaN', expected: 'a number of milliseconds' };
      return Promise.reject(new TuttiError('TUTTI_OPTION_INVALID', details));
    }
    if (signal?.aborted) return Promise.reject(aborted(address, event));
    if (this.size >= this.#limit) {
      const details = { what: 'The table of open asks', size: this.size, limit: this.#limit };
      return Promise.reject(new TuttiError('TUTTI_OVERLOADED', details));
    }
    if (timeoutMs <= 0) {
      const details = { address, event: event.type, timeoutMs: 0 };
      return Promise.reject(new TuttiError('TUTTI_ASK_TIMEOUT', details));
    }
    return new Promise<Reply>((resolve, reject) => {
      const at = this.#open(address, event, timeoutMs, resolve, reject);
      const { generation } = this.#slots[at]!;
      if (signal) this.#listen(at, signal);
      send(new Asked(event, new SlotTarget(this, at, generation)));
    });
  }

  /** What was asked for, or what is left of the ask that is being handled, if that is less. */
  #timeoutMs({ timeoutMs = ASK_TIMEOUT_MS_DEFAULT, inheritDeadline = true }: AskOptions): number {
    if (!inheritDeadline) return timeoutMs;
    const inherited = this.#inherited();
    if (inherited === Infinity) return timeoutMs;
    const left = inherited - this.#clock.now();
    if (left >= timeoutMs) return timeoutMs;
    // Each duration has a line and a timer of its own; what is left of many asks must not make as many.
    return this.#lines.size < LINES_EXACT_MAX ? left : Math.ceil(left / COARSE_MS) * COARSE_MS;
  }

  /** When an ask is over; when it is, `-Infinity`. */
  deadlineOf(at: number, generation: number): number {
    const slot = this.#slots[at]!;
    return slot.generation === generation ? slot.deadline : Number.NEGATIVE_INFINITY;
  }

  /** Ends an ask. An answer that comes when it is over is a dead letter, `late-reply`. */
  settle(at: number, generation: number, value: unknown, error: Error | undefined): void {
    const slot = this.#slots[at]!;
    if (slot.generation !== generation) {
      if (!error && !isReceipt(value))
        this.#deadLetters.publish('ask', { type: 'reply', value } as EventObject, 'late-reply');
      return;
    }
    const { resolve, reject } = slot;
    this.#close(at, slot);
    if (error) reject!(error);
    else resolve!(value as never);
  }

  /** Clears every timer and fails every open ask, of very many a part in each turn; for when the node stops. */
  failAll(error: (address: Address) => Error): Promise<void> {
    for (const line of this.#lines.values()) {
      if (line.timer) this.#clock.clearTimer(line.timer);
      line.timer = undefined;
    }
    return inSlices(this.#clock, this.#openSlots(), (at) => {
      const { generation, address } = this.#slots[at]!;
      this.settle(at, generation, undefined, error(address));
    });
  }

  *#openSlots(): Generator<number> {
    for (const at of this.#slots.keys()) if (this.#slots[at]!.resolve) yield at;
  }

  #open(
    address: Address,
    event: EventObject,
    timeoutMs: number,
    resolve: (value: never) => void,
    reject: (error: Error) => void,
  ): number {
    const at = this.#free.pop() ?? this.#slots.length;
    const slot = (this.#slots[at] ??= new Slot());
    slot.address = address;
    slot.event = event;
    slot.timeoutMs = timeoutMs;
    slot.deadline = this.#clock.now() + timeoutMs;
    slot.resolve = resolve;
    slot.reject = reject;
    this.#stand(at, slot);
    return at;
  }

  #listen(at: number, signal: AbortSignal): void {
    this.#slots[at]!.signal = signal;
    this.#signals.add(signal, at);
  }

  #abort(asks: ReadonlySet<number>): void {
    const lives = Array.from(asks, (at) => ({ at, generation: this.#slots[at]!.generation }));
    void inSlices(this.#clock, lives, ({ at, generation }) => {
      const { address, event } = this.#slots[at]!;
      this.settle(at, generation, undefined, aborted(address, event));
    });
  }

  #close(at: number, slot: Slot): void {
    if (slot.signal) this.#signals.delete(slot.signal, at);
    this.#leave(slot);
    slot.generation++;
    slot.resolve = undefined;
    slot.reject = undefined;
    slot.signal = undefined;
    slot.event = NOTHING;
    slot.older = -1;
    slot.newer = -1;
    this.#free.push(at);
  }

  #stand(at: number, slot: Slot): void {
    const { timeoutMs } = slot;
    let line = this.#lines.get(timeoutMs);
    if (!line) this.#lines.set(timeoutMs, (line = { oldest: -1, newest: -1, timer: undefined }));
    if (line.newest >= 0) this.#slots[line.newest]!.newer = at;
    else line.oldest = at;
    slot.older = line.newest;
    line.newest = at;
    if (!line.timer && timeoutMs !== Infinity) this.#arm(line, timeoutMs);
  }

  #leave(slot: Slot): void {
    const line = this.#lines.get(slot.timeoutMs)!;
    if (slot.older >= 0) this.#slots[slot.older]!.newer = slot.newer;
    else line.oldest = slot.newer;
    if (slot.newer >= 0) this.#slots[slot.newer]!.older = slot.older;
    else line.newest = slot.older;
    if (line.oldest >= 0) return;
    // A long wait for nothing would keep the process alive.
    if (line.timer && slot.timeoutMs > ASK_TIMEOUT_MS_DEFAULT) {
      this.#clock.clearTimer(line.timer);
      line.timer = undefined;
    }
    if (!line.timer) this.#lines.delete(slot.timeoutMs);
  }

  #arm(line: DeadlineLine, timeoutMs: number): void {
    const wait = Math.max(0, this.#slots[line.oldest]!.deadline - this.#clock.now());
    line.timer = this.#clock.setTimer(wait, () => this.#expire(line, timeoutMs));
  }

  /**
   * Fails those that are due, of very many a part in each turn. An empty line keeps its timer until it fires, so that asking
   * again and again does not set one each time.
   */
  #expire(line: DeadlineLine, timeoutMs: number): void {
    if (this.#lines.get(timeoutMs) !== line) return;
    const now = this.#clock.now();
    for (let failed = 0; line.oldest >= 0; failed++) {
      const at = line.oldest;
      const slot = this.#slots[at]!;
      if (slot.deadline > now) break;
      if (failed === SLICE_DEFAULT) return this.#clock.nextTurn(() => this.#expire(line, timeoutMs));
      const details = { address: slot.address, event: slot.event.type, timeoutMs };
      this.settle(at, slot.generation, undefined, new TuttiError('TUTTI_ASK_TIMEOUT', details));
    }
    line.timer = undefined;
    if (line.oldest >= 0) this.#arm(line, timeoutMs);
    else this.#lines.delete(timeoutMs);
  }
}

function aborted(address: Address, event: EventObject): TuttiError {
  return new TuttiError('TUTTI_ABORTED', { what: `The ask "${event.type}" to ${address}` });
}
