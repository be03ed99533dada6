import { TuttiError } from '@tutti/kernel';
import type { ReplicatedHandle } from '@tutti/runtime';
import { partsOf } from './commands.ts';
import type { SessionRecord } from './state.ts';
import type { TaskBoard } from './task-board.ts';

interface Waiter {
  resolve(session: SessionRecord): void;
  reject(error: Error): void;
}

/** Most calls that wait for sessions at once on one node. */
const WAITERS_MAX = 10_000;

/** Those who wait for sessions to end, told by one watcher of the board however many they are. */
export class SessionWaiters {
  readonly #board: ReplicatedHandle<TaskBoard>;
  readonly #waiting = new Map<string, Set<Waiter>>();
  readonly #unwatch: () => void;
  #count = 0;
  #closed = false;

  constructor(board: ReplicatedHandle<TaskBoard>) {
    this.#board = board;
    this.#unwatch = board.watch({
      applied: (command) => this.#applied(command),
      restored: () => this.#settleAll(),
    });
  }

  #applied(command: unknown): void {
    if (this.#waiting.size === 0) return;
    let last: string | undefined;
    for (const part of partsOf(command)) {
      if (part.type === 'holder.lost') return this.#settleAll();
      if (!('session' in part) || part.session === last) continue;
      last = part.session;
      this.#settle(last);
    }
  }

  #settleAll(): void {
    for (const session of this.#waiting.keys()) this.#settle(session);
  }

  /** @throws TuttiError `TUTTI_SESSION_UNKNOWN`, `TUTTI_OVERLOADED`, `TUTTI_ABORTED`, `TUTTI_CLOSED` */
  async waitFor(session: string, signal?: AbortSignal): Promise<SessionRecord> {
    if (!this.#board.module.session(session)) await this.#board.readBarrier();
    if (this.#closed) throw closed();
    const record = this.#board.module.session(session);
    if (!record) throw new TuttiError('TUTTI_SESSION_UNKNOWN', { session });
    if (record.state !== 'running') return record;
    if (this.#count >= WAITERS_MAX)
      throw new TuttiError('TUTTI_OVERLOADED', {
        what: 'The list of those who wait for sessions',
        size: this.#count,
        limit: WAITERS_MAX,
      });
    return this.#wait(session, signal);
  }

  #wait(session: string, signal: AbortSignal | undefined): Promise<SessionRecord> {
    return new Promise((resolve, reject) => {
      let waiters = this.#waiting.get(session);
      if (!waiters) this.#waiting.set(session, (waiters = new Set()));
      const waiter = { resolve, reject };
      waiters.add(waiter);
      this.#count++;
      const abort = () => {
        if (!this.#waiting.get(session)?.delete(waiter)) return;
        this.#count--;
        reject(new TuttiError('TUTTI_ABORTED', { what: `Waiting for ${session}` }));
      };
      if (signal?.aborted) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /** Those who still wait are told `TUTTI_CLOSED`. */
  close(): void {
    this.#closed = true;
    this.#unwatch();
    for (const waiters of this.#waiting.values()) for (const waiter of waiters) waiter.reject(closed());
    this.#waiting.clear();
    this.#count = 0;
  }

  #settle(session: string): void {
    const waiters = this.#waiting.get(session);
    const record = this.#board.module.session(session);
    if (!waiters || record?.state === 'running') return;
    this.#waiting.delete(session);
    this.#count -= waiters.size;
    for (const waiter of waiters) {
      if (record) waiter.resolve(record);
      else waiter.reject(new TuttiError('TUTTI_SESSION_UNKNOWN', { session }));
    }
  }
}

function closed(): TuttiError {
  return new TuttiError('TUTTI_CLOSED', { what: 'Orchestration on this node' });
}
