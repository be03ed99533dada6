import type { Journal, SessionRecord, TaskBoard } from '@tutti/actors';
import { TuttiError } from '@tutti/kernel';
import type { ReplicatedHandle } from '@tutti/runtime';
import type { EventBatch, SessionEvent } from './admin-api.ts';

/** How long a caller is kept waiting for news before an empty answer. */
const WAIT_MS = 5000;
/** Events in one answer at most. */
const BATCH_MAX = 2000;

/** Hands out a session's steps by number, so that a caller can go on at another node where this one stopped. */
export class EventFeed {
  readonly #board: ReplicatedHandle<TaskBoard>;
  readonly #waiting = new Set<() => void>();
  readonly #unwatch: () => void;

  constructor(board: ReplicatedHandle<TaskBoard>) {
    this.#board = board;
    const wake = () => {
      for (const waiter of Array.from(this.#waiting)) waiter();
    };
    this.#unwatch = board.watch({ applied: wake, restored: wake });
  }

  /** The steps from number `from` on; waits for the next one if there is none and the session still runs. */
  async next(session: string, from: number): Promise<EventBatch> {
    const until = performance.now() + WAIT_MS;
    for (;;) {
      const record = this.#board.module.session(session);
      if (!record) throw new TuttiError('TUTTI_SESSION_UNKNOWN', { session });
      const events = sinceNumber(this.#board.module.journal(session)!, from);
      const left = until - performance.now();
      if (events.length > 0 || record.state !== 'running' || left <= 0)
        return batch(record, this.#board.module.summary(session)!.done, events);
      await this.#change(left);
    }
  }

  close(): void {
    this.#unwatch();
    for (const waiter of Array.from(this.#waiting)) waiter();
  }

  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#waiting.add(done);
    });
  }
}

/** The steps from number `from` on that are still kept, a bounded number of them. */
export function sinceNumber(journal: Journal, from: number): SessionEvent[] {
  const events: SessionEvent[] = [];
  let number = Math.max(from, journal.dropped);
  for (const event of journal.since(from)) {
    if (events.length === BATCH_MAX) break;
    events.push({ ...event, number: number++ });
  }
  return events;
}

function batch(record: SessionRecord, done: number, events: readonly SessionEvent[]): EventBatch {
  return {
    events,
    done,
    state: record.state,
    barriers: [...record.barriers.values()].map(({ id, title, state }) => ({ id, title, state })),
  };
}
