import type { SessionRecord } from './state.ts';

/** Sessions that are over and are kept for looking at: a bounded number, with a bounded number of tasks in all. */
export class FinishedSessions {
  readonly #sessionsMax: number;
  readonly #tasksMax: number;
  /** In the order they ended. */
  #sessions: SessionRecord[] = [];
  #tasks = 0;

  constructor(sessionsMax: number, tasksMax: number) {
    this.#sessionsMax = sessionsMax;
    this.#tasksMax = tasksMax;
  }

  get size(): number {
    return this.#sessions.length;
  }

  ids(): string[] {
    return this.#sessions.map(({ id }) => id);
  }

  /** Answers what must be forgotten for it. The one that ended last is kept, whatever its size. */
  add(session: SessionRecord): SessionRecord[] {
    this.#sessions.push(session);
    this.#tasks += session.tasks.size;
    const forgotten: SessionRecord[] = [];
    while (this.size > this.#sessionsMax || (this.#tasks > this.#tasksMax && this.size > 1)) {
      const oldest = this.#sessions.shift()!;
      this.#tasks -= oldest.tasks.size;
      forgotten.push(oldest);
    }
    return forgotten;
  }

  restore(sessions: readonly SessionRecord[]): void {
    this.#sessions = [...sessions];
    this.#tasks = sessions.reduce((sum, { tasks }) => sum + tasks.size, 0);
  }
}
