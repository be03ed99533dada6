import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import type { Clock, Random, Timer } from '@tutti/kernel';

/** Whose time and whose dice code sees that asks the process for them. */
export interface Ambient {
  readonly clock: Clock;
  readonly random: Random;
  /** The cluster whose they are. */
  readonly cluster: object;
}

/** The process's own, as they are before any cluster takes them over. */
const real = {
  Date: globalThis.Date,
  random: Math.random,
  performanceNow: performance.now.bind(performance),
  setTimeout: globalThis.setTimeout,
  setInterval: globalThis.setInterval,
  setImmediate: globalThis.setImmediate,
  clearTimeout: globalThis.clearTimeout,
  clearInterval: globalThis.clearInterval,
  clearImmediate: globalThis.clearImmediate,
  randomUUID: globalThis.crypto.randomUUID.bind(globalThis.crypto),
  getRandomValues: globalThis.crypto.getRandomValues.bind(globalThis.crypto),
};

let ambient: Ambient | undefined;
let holders = 0;
let restore = (): void => {};
let standsIn = false;

/**
 * Takes the process's clock, timers and dice over, until the returned function is called. They stay what they are,
 * except while {@link within} says otherwise: so a test runner that shares the process keeps its own time.
 */
export function takeGlobals(): () => void {
  if (holders++ === 0) restore = install();
  let isHeld = true;
  return () => {
    if (!isHeld) return;
    isHeld = false;
    if (--holders === 0) restore();
  };
}

/**
 * The same for good: what a module takes when it is imported, such as `promisify(setTimeout)`, is what obeys clusters
 * too, if it is imported after this.
 */
export function standIn(): void {
  if (!standsIn) install();
  standsIn = true;
}

/** Whose user code runs now; undefined in the real world. */
export const present = (): Ambient | undefined => ambient;

/** From now until it is called again, user code is that of `next`; undefined gives it the real world. */
export function within(next: Ambient | undefined): void {
  ambient = next;
}

/** Does what may change whose user code it is, and goes back to whose it was. */
export function apart(action: () => void): void {
  const before = ambient;
  try {
    action();
  } finally {
    ambient = before;
  }
}

/**
 * How many turns are asked of the event loop at once. Between two of them everything that is due runs, and what nobody
 * caught is found, just as between two rounds of the loop; only the look for input, which costs more than most events,
 * is taken once for all of them.
 */
const TURNS_AT_ONCE = 64;

let turnsLeft = 0;
/** Those of clusters that run at the same time, each of which gets turns of its own. */
const turnsWaiting: (() => void)[] = [];

function takeTurn(): void {
  turnsLeft--;
  turnsWaiting.shift()?.();
  askForTurns();
}

function askForTurns(): void {
  if (turnsLeft > 0 || turnsWaiting.length === 0) return;
  for (; turnsLeft < TURNS_AT_ONCE; turnsLeft++) real.setImmediate(takeTurn);
}

/** Resolves when every promise reaction that is due has run. Always the real event loop. */
export function realTurn(): Promise<void> {
  return new Promise((resolve) => {
    turnsWaiting.push(resolve);
    askForTurns();
  });
}

/** A timer of user code, as `setTimeout` gives it. */
class VirtualTimeout {
  readonly #clock: Clock;
  readonly #action: () => void;
  readonly #delayMs: number;
  readonly #repeats: boolean;
  #timer: Timer | undefined;

  constructor(clock: Clock, delayMs: unknown, repeats: boolean, action: () => void) {
    this.#clock = clock;
    this.#action = action;
    // What the platform makes of it: whole milliseconds, and 1 for what is no delay.
    const given = Math.trunc(Number(delayMs));
    this.#delayMs = given >= 1 && given <= 2 ** 31 - 1 ? given : 1;
    this.#repeats = repeats;
    this.refresh();
  }

  refresh(): this {
    this.close();
    this.#timer = this.#clock.setTimer(this.#delayMs, () => {
      if (this.#repeats) this.refresh();
      this.#action();
    });
    return this;
  }

  close(): void {
    if (this.#timer) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

type Callback = (...given: unknown[]) => void;

/** One that takes the place of the process's own. */
type Substitute = readonly [target: object, key: string, value: unknown];

let substitutes: readonly Substitute[] | undefined;

/** Puts them into their places; the returned function puts back what was there, last first. */
function install(): () => void {
  substitutes ??= [...dateAndDice(), ...timers()];
  const undo = substitutes.map(replace).reverse();
  return () => {
    for (const step of undo) step();
  };
}

function replace([target, key, value]: Substitute): () => void {
  const before = Object.getOwnPropertyDescriptor(target, key);
  Object.defineProperty(target, key, { value, writable: true, configurable: true, enumerable: true });
  return () => {
    if (before) Object.defineProperty(target, key, before);
    else Reflect.deleteProperty(target, key);
  };
}

function dateAndDice(): readonly Substitute[] {
  const { crypto } = globalThis;
  return [
    [globalThis, 'Date', virtualDate()],
    [Math, 'random', () => (ambient ? ambient.random.float() : real.random())],
    [performance, 'now', () => (ambient ? ambient.clock.now() : real.performanceNow())],
    [crypto, 'randomUUID', () => (ambient ? uuid(ambient.random) : real.randomUUID())],
    [
      crypto,
      'getRandomValues',
      (array: Uint8Array<ArrayBuffer>) =>
        ambient ? fill(array, ambient.random) : real.getRandomValues(array),
    ],
  ];
}

type Promised = (...given: unknown[]) => Promise<unknown>;

/** What `util.promisify` looks for, since a timer does not take its callback last. */
const promised = (own: Promised, virtual: Promised) => ({
  [promisify.custom]: (...given: unknown[]) => (ambient ? virtual(...given) : own(...given)),
});

function timers(): readonly Substitute[] {
  const later =
    (repeats: boolean, otherwise: (action: Callback, ms?: number, ...given: unknown[]) => unknown) =>
    (action: Callback, delayMs?: number, ...given: unknown[]): unknown =>
      ambient
        ? new VirtualTimeout(ambient.clock, delayMs, repeats, () => action(...given))
        : otherwise(action, delayMs, ...given);
  const setTimeout = later(false, real.setTimeout);
  const setImmediate = (action: Callback, ...given: unknown[]): unknown =>
    ambient ? setTimeout(action, 0, ...given) : real.setImmediate(action, ...given);
  const cancel = (otherwise: (timer: never) => void) => (timer: unknown) =>
    timer instanceof VirtualTimeout ? timer.close() : otherwise(timer as never);
  const sleep = promised(
    promisify(real.setTimeout) as object as Promised,
    (delayMs, value) => new Promise((resolve) => void setTimeout(() => resolve(value), delayMs as number)),
  );
  const turn = promised(
    promisify(real.setImmediate) as object as Promised,
    (value) => new Promise((resolve) => void setImmediate(() => resolve(value))),
  );
  return [
    [globalThis, 'setTimeout', Object.assign(setTimeout, sleep)],
    [globalThis, 'setInterval', later(true, real.setInterval)],
    [globalThis, 'setImmediate', Object.assign(setImmediate, turn)],
    [globalThis, 'clearTimeout', cancel(real.clearTimeout)],
    [globalThis, 'clearInterval', cancel(real.clearInterval)],
    [globalThis, 'clearImmediate', cancel(real.clearImmediate)],
  ];
}

/** `new Date()` and `Date.now()` of the node whose turn it is; every other use of it is the platform's. */
function virtualDate(): DateConstructor {
  const now = (): number => (ambient ? Math.trunc(ambient.clock.wallTime()) : real.Date.now());
  return new Proxy(real.Date, {
    construct: (target, given: unknown[], newTarget) =>
      Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget) as object,
    apply: () => new real.Date(now()).toString(),
    get: (target, key, receiver) => (key === 'now' ? now : (Reflect.get(target, key, receiver) as unknown)),
  });
}

function fill<View extends ArrayBufferView>(array: View, random: Random): View {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  for (let at = 0; at < bytes.length; at++) bytes[at] = random.uint32() & 0xff;
  return array;
}

function uuid(random: Random): string {
  const bytes = fill(new Uint8Array(16), random);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [8, 12, 16, 20, 32].map((to, part) => hex.slice([0, 8, 12, 16, 20][part], to)).join('-');
}
