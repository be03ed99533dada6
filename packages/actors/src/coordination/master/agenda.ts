import type { TaskBoard } from '../board/task-board.ts';
import type { PendingAssignment } from './room.ts';

/** A duty that was proposed. */
export interface Asked {
  /** One name for each occasion of a duty. */
  readonly key: string;
  /** What it is about, where it is about a task: it is over as soon as the task has moved on. */
  readonly about: TaskMoment | undefined;
  /** What an assignment takes up until the board shows it. */
  readonly assignment?: PendingAssignment;
}

/** A task at one point of its life. */
export interface TaskMoment {
  readonly session: string;
  readonly task: string;
  readonly state: 'ready' | 'backoff';
  readonly attempts: number;
}

/**
 * What a master has asked the log for and does not see yet: this node's copy of the board may be a moment behind the
 * log, and a duty that still shows must not be proposed on every look. What was asked for and refused is asked again
 * only when {@link ASK_AGAIN_MS} are over, so that a refusal never becomes a storm. A value: each change is a new one.
 */
export class Agenda {
  readonly #asked: ReadonlyMap<string, Asked & { readonly at: number }>;

  constructor(asked: ReadonlyMap<string, Asked & { readonly at: number }> = new Map()) {
    this.#asked = asked;
  }

  get size(): number {
    return this.#asked.size;
  }

  has(key: string): boolean {
    return this.#asked.has(key);
  }

  assignments(): PendingAssignment[] {
    return [...this.#asked.values()].flatMap(({ assignment }) => assignment ?? []);
  }

  /** How long until the first of what was asked may be asked again; undefined when there is nothing. */
  askAgainMs(now: number): number | undefined {
    let first = Infinity;
    for (const { at } of this.#asked.values()) first = Math.min(first, at);
    return first === Infinity ? undefined : Math.max(1, first + ASK_AGAIN_MS - now);
  }

  /** Without what the board shows as done, and what was asked too long ago. */
  upToDate(board: TaskBoard, now: number): Agenda {
    const open = [...this.#asked].filter(
      ([, { at, about }]) => now - at < ASK_AGAIN_MS && (!about || isStill(board, about)),
    );
    return open.length === this.#asked.size ? this : new Agenda(new Map(open));
  }

  /** With what is asked at `now`. */
  with(entries: readonly Asked[], now: number): Agenda {
    if (entries.length === 0) return this;
    const asked = new Map(this.#asked);
    for (const entry of entries) asked.set(entry.key, { ...entry, at: now });
    return new Agenda(asked);
  }

  /** Without these: they did not reach the log, and may be asked again at once. */
  without(keys: Iterable<string>): Agenda {
    const asked = new Map(this.#asked);
    for (const key of keys) asked.delete(key);
    return new Agenda(asked);
  }
}

/** How long a duty that was proposed is left alone. */
export const ASK_AGAIN_MS = 1_000;

function isStill(board: TaskBoard, { session, task, state, attempts }: TaskMoment): boolean {
  const record = board.session(session)?.tasks.get(task);
  return record?.state === state && record.attemptCount === attempts;
}
