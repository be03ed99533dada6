import type { VirtualClock } from '@tutti/kernel';
import type { ThreadModules } from './thread-modules.ts';
import { type Ambient, present, realTurn, takeGlobals, within } from './virtual-globals.ts';

interface Waiter {
  readonly condition: () => boolean;
  readonly tell: (holds: boolean) => void;
}

interface StageOptions {
  readonly clock: VirtualClock;
  /** Time and chance of whatever is not a node: the test itself. */
  readonly outside: Ambient;
  /** What is imported between two events. */
  readonly modules: ThreadModules;
  /** Called after each event; throws what ends the run. */
  readonly judge: () => void;
  /** Told what nobody caught, which would have ended a real process. */
  readonly uncaught: (thrown: unknown) => void;
}

/** Events at one instant that are too many: time does not go on. */
const EVENTS_PER_INSTANT_MAX = 200_000;

/**
 * Lets virtual time pass for code that awaits: one event after another, each with every promise reaction that it sets
 * off. While an event happens the process's clock, timers and dice are those of the node whose event it is.
 */
export class Stage {
  readonly #options: StageOptions;
  readonly #waiters = new Set<Waiter>();
  #isGoing = false;
  #events = 0;

  constructor(options: StageOptions) {
    this.#options = options;
  }

  /** Events so far. */
  get events(): number {
    return this.#events;
  }

  /** Lets this much time pass, in milliseconds. From inside of an event it waits for that. */
  async pass(durationMs: number): Promise<void> {
    if (this.#isGoing) await this.sleep(durationMs);
    else await this.#go(() => false, this.#options.clock.now() + durationMs);
  }

  sleep(durationMs: number): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.setTimer(durationMs, resolve));
  }

  /** Lets time pass until something holds, which is looked at after each event. False when it did not within the limit. */
  until(condition: () => boolean, limitMs: number): Promise<boolean> {
    const end = this.#options.clock.now() + limitMs;
    return this.#isGoing ? this.#waitFor(condition, end) : this.#go(condition, end);
  }

  #waitFor(condition: () => boolean, end: number): Promise<boolean> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const waiter: Waiter = { condition, tell: resolve };
      this.#waiters.add(waiter);
      clock.setTimer(end - clock.now(), () => {
        if (this.#waiters.delete(waiter)) resolve(false);
      });
    });
  }

  async #go(condition: () => boolean, end: number): Promise<boolean> {
    const { clock, judge, uncaught, outside } = this.#options;
    const release = takeGlobals();
    // Each of those that run at the same time hears of all: it concerns the one whose event it was.
    const rejected = (thrown: unknown): void => {
      if ((present() ?? outside).cluster === outside.cluster) uncaught(thrown);
    };
    process.on('unhandledRejection', rejected);
    this.#isGoing = true;
    let instant = { at: -1, events: 0 };
    try {
      await this.#turn(() => {});
      for (;;) {
        judge();
        if (condition()) return true;
        const at = clock.nextAt();
        if (at === undefined || at > end) break;
        instant = { at, events: at === instant.at ? instant.events + 1 : 0 };
        if (instant.events > EVENTS_PER_INSTANT_MAX)
          uncaught(new Error('time does not go on: timers without a delay set each other'));
        else await this.#turn(() => void clock.step());
      }
      clock.advance(Math.max(0, end - clock.now()));
      return condition();
    } finally {
      this.#isGoing = false;
      process.off('unhandledRejection', rejected);
      within(undefined);
      release();
    }
  }

  async #turn(act: () => void): Promise<void> {
    const { outside, uncaught, modules } = this.#options;
    this.#events++;
    within(outside);
    try {
      act();
    } catch (thrown) {
      uncaught(thrown);
    }
    await realTurn();
    if (modules.isAsked) {
      // What a module does while it is imported is done once for all runs of this process, so it is no part of any.
      within(undefined);
      await modules.importAll();
    }
    within(outside);
    this.#lookForWaiters();
    within(undefined);
  }

  /** Whoever waits goes on in an event of its own, so that it too sees virtual time. */
  #lookForWaiters(): void {
    for (const waiter of this.#waiters) {
      if (!waiter.condition()) continue;
      this.#waiters.delete(waiter);
      this.#options.clock.setTimer(0, () => waiter.tell(true));
    }
  }
}
