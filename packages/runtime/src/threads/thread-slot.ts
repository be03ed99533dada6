import { type Clock, type Thread, type Threads, type Timer, TuttiError } from '@tutti/kernel';
import type { DeadLetters } from '../mailbox/dead-letters.ts';
import type { Outpost, OutpostThread } from './outpost.ts';
import { type DoorSystem, ThreadDoor } from './thread-door.ts';
import { type Batch, ThreadLink } from './thread-link.ts';
import type { FromThread, LifeStart, ToThread } from './thread-messages.ts';

/** What one thread is made with. */
export interface ThreadSlotOptions {
  readonly number: number;
  readonly threads: Threads;
  readonly clock: Clock;
  readonly system: DoorSystem;
  /** Its node, its seed, and what else it must know to begin. */
  readonly data: Readonly<Record<string, string | number>>;
  /** Messages in the mailboxes of its actors, all together. */
  readonly outstandingMax: number;
  readonly hangMs: number;
  nextLife(): number;
  /** Whether it may be given up while it still runs. */
  mayGiveUp(): boolean;
  /** Nobody is in it any more: it has ended, or is stuck, and ends later. */
  onEnded(slot: ThreadSlot, why: string): void;
  /** It was stuck, and has ended. */
  onFreed(slot: ThreadSlot): void;
}

interface Resident {
  /** Undefined once nobody stands for it any more. */
  outpost: Outpost | undefined;
  /** Until when it must have let go. */
  deadline: Timer | undefined;
}

/** How long a thread may take to begin, which a busy machine makes longer than anything that it does later. */
const BEGIN_MS = 30_000;

/** How long a thread that is ended may take for it. What blocks in a call into the system ends when the call returns. */
const EXIT_MS = 1_000;

/** A timer that fires so much too late says that the whole process may have been suspended. */
const STOOD_STILL_MS = 1_000;

/** One thread and the lives in it, as its node sees them. */
export class ThreadSlot implements OutpostThread {
  readonly number: number;
  readonly #options: ThreadSlotOptions;
  readonly #thread: Thread;
  readonly #link: ThreadLink<ToThread, FromThread>;
  readonly #door: ThreadDoor;
  readonly #residents = new Map<number, Resident>();
  #outstanding = 0;
  /** The life that took the last place when the thread was last full. */
  #lastServed = 0;
  #isOver = false;
  #why: string | undefined;
  #isStuck = false;
  #patience: Timer | undefined;
  #watch: Timer | undefined;
  /** Whether it has said anything since it was last asked. */
  #hasSpoken = false;
  #hasBegun = false;
  /** Whether an import has failed in it. It remembers that, as JavaScript has it, however often the import is tried again. */
  #isSpoilt = false;

  constructor(options: ThreadSlotOptions) {
    const { number, threads, clock, system, data } = options;
    this.number = number;
    this.#options = options;
    this.#thread = threads.start(data, {
      message: (batch) => this.#receive(batch as Batch),
      ended: (problem) => (this.#isStuck ? options.onFreed(this) : this.#ended(problem)),
    });
    this.#link = new ThreadLink({
      clock,
      post: (batch) => this.#thread.post(batch),
      onMessage: (message) => this.#handle(message),
      onRefused: (message, error) => this.#refused(message, error),
      onClosing: () => this.#door.sumUp(),
    });
    this.#door = new ThreadDoor({
      system,
      post: (message) => this.#link.push(message),
      changed: () => this.#link.schedule(),
    });
  }

  /** Actors in it, and those that it has yet to let go of. */
  get load(): number {
    return this.#residents.size;
  }

  /** Messages in the mailboxes of its actors. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /** It has been told to end, or has. */
  get isEnding(): boolean {
    return this.#isOver || this.#why !== undefined;
  }

  /** It was ended, and has been given up, since it runs all the same. */
  get isStuck(): boolean {
    return this.#isStuck;
  }

  /** What comes when it is to end would be lost with it, and is left to the next life. */
  get hasRoom(): boolean {
    return !this.isEnding && this.#outstanding < this.#options.outstandingMax;
  }

  get deadLetters(): DeadLetters {
    return this.#options.system.deadLetters;
  }

  now(): number {
    return this.#options.clock.now();
  }

  decode(value: unknown): unknown {
    return this.#door.decode(value);
  }

  begin(outpost: Outpost, start: LifeStart): number {
    const life = this.#options.nextLife();
    this.#residents.set(life, { outpost, deadline: undefined });
    this.#link.push({ t: 'start', life, ...start });
    this.#keepWatch();
    return life;
  }

  post(message: ToThread): void {
    if (message.t === 'event' || message.t === 'ask') {
      this.#outstanding++;
      if (!this.hasRoom) this.#lastServed = message.life;
    }
    this.#link.push(message);
  }

  taken(count: number): void {
    if (count === 0) return;
    const wasFull = !this.hasRoom;
    this.#outstanding -= count;
    if (wasFull && this.hasRoom) this.#wakeAll();
  }

  /** Those behind whoever had the last place come first: else whoever came to the thread early could have all of them. */
  #wakeAll(): void {
    const last = this.#lastServed;
    for (const [life, { outpost }] of this.#residents) if (life > last) outpost?.wake();
    for (const [life, { outpost }] of this.#residents) if (life <= last) outpost?.wake();
  }

  drop(life: number, graceMs: number): void {
    if (this.#isOver) return;
    const { clock } = this.#options;
    const resident = this.#residents.get(life) ?? { outpost: undefined, deadline: undefined };
    this.#residents.set(life, resident);
    this.#link.push({ t: 'drop', life });
    if (resident.deadline) clock.clearTimer(resident.deadline);
    resident.deadline = clock.setTimer(graceMs, () =>
      clock.nextTurn(() => {
        if (this.#residents.get(life) === resident)
          this.end(`it did not let go of an actor within ${String(graceMs)} ms`);
      }),
    );
  }

  forget(life: number): void {
    const resident = this.#residents.get(life);
    if (!resident) return;
    if (resident.deadline) this.#options.clock.clearTimer(resident.deadline);
    this.#residents.delete(life);
    if (this.#isSpoilt && this.#residents.size === 0) this.end('an import had failed in it');
  }

  /** Ends the thread now. */
  end(why: string): void {
    if (this.isEnding) return;
    this.#why = why;
    this.#giveUpLater();
    this.#thread.terminate();
  }

  #giveUpLater(): void {
    const { clock } = this.#options;
    this.#patience = clock.setTimer(EXIT_MS, () =>
      // This node may have stood still itself: that it has ended is read first.
      clock.nextTurn(() => {
        if (this.#isOver) return;
        if (!this.#options.mayGiveUp()) return this.#giveUpLater();
        this.#isStuck = true;
        this.#ended('it does not end');
      }),
    );
  }

  /** What it is busy with may take long; a thread that says nothing from one look to the next is taken for hung. */
  #keepWatch(): void {
    const { clock, hangMs } = this.#options;
    if (this.#watch || this.#residents.size === 0 || this.#isOver || hangMs === Infinity) return;
    this.#hasSpoken = false;
    this.#link.push({ t: 'ping' });
    const allowedMs = this.#hasBegun ? hangMs : Math.max(hangMs, BEGIN_MS);
    const due = clock.now() + allowedMs;
    this.#watch = clock.setTimer(allowedMs, () => {
      // This node may have stood still itself: what has arrived meanwhile is read first.
      clock.nextTurn(() => {
        this.#watch = undefined;
        // A process that stands still takes its threads along: they have not had their time.
        if (this.#hasSpoken || clock.now() - due >= STOOD_STILL_MS) this.#keepWatch();
        else this.end(`it has said nothing for ${String(allowedMs)} ms`);
      });
    });
  }

  #receive(batch: Batch): void {
    this.#hasSpoken = true;
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      if (this.#watch) this.#options.clock.clearTimer(this.#watch);
      this.#watch = undefined;
      this.#keepWatch();
    }
    if (!this.#isOver) this.#link.receive(batch);
  }

  #handle(message: FromThread): void {
    if (!('life' in message)) {
      if (message.t !== 'pong') this.#door.receive(message);
      return;
    }
    if (message.t === 'ended' && message.end.error?.code === 'TUTTI_THREAD_MODULE') this.#isSpoilt = true;
    const outpost = this.#residents.get(message.life)?.outpost;
    if (outpost) outpost.receive(message);
    else if (message.t === 'ended') this.forget(message.life);
  }

  #refused(message: ToThread, error: unknown): void {
    if (!('life' in message)) return this.#door.cannotPost(message, error);
    const outpost = this.#residents.get(message.life)?.outpost;
    if (message.t === 'start') outpost?.cannotBegin(error);
    else if (message.t === 'event' || message.t === 'ask') outpost?.refused(message.seq, error);
  }

  #ended(problem: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { clock } = this.#options;
    if (this.#watch) clock.clearTimer(this.#watch);
    if (this.#patience) clock.clearTimer(this.#patience);
    this.#link.close();
    this.#door.close();
    const residents = [...this.#residents.values()];
    for (const { deadline } of residents) if (deadline) clock.clearTimer(deadline);
    this.#residents.clear();
    // First, so that none of those who begin again finds this one.
    const why = this.#why ?? problem;
    this.#options.onEnded(this, why);
    const details = { thread: this.number, why };
    const error = new TuttiError('TUTTI_THREAD_LOST', details);
    // Each has failed. It is not held against the restarts of those that had nothing to do, unless nobody had. They come
    // last: of some that are restarted together the first to fail says whether that counts.
    const excused = new TuttiError('TUTTI_THREAD_LOST', { ...details, isExcused: true });
    const idle = residents.filter(({ outpost }) => outpost?.isIdle);
    const busy = residents.filter(({ outpost }) => !outpost?.isIdle);
    for (const { outpost } of busy) outpost?.lost(error);
    for (const { outpost } of idle) outpost!.lost(busy.length > 0 ? excused : error);
  }
}
