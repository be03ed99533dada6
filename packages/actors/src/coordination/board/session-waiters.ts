import { TuttiError } from '@tutti/kernel';
import type { ReplicatedHandle } from '@tutti/runtime';
import { partsOf } from './commands.ts';
import type { SessionRecord } from './state.ts';
import type { TaskBoard } from './task-board.ts';
import { type Waited, WaitList } from './wait-list.ts';

/** Most calls that wait for sessions at once on one node. */
const WAITERS_MAX = 10_000;

/** Sessions of this node's own that are remembered until somebody waits for them, the oldest forgotten first. */
const SUBMITTED_MAX = 1_024;

/** Those who wait for sessions to end, told by one watcher of the board however many they are. */
export class SessionWaiters {
  readonly #board: ReplicatedHandle<TaskBoard>;
  readonly #list = new WaitList<SessionRecord>({ what: 'sessions', max: WAITERS_MAX });
  readonly #waiting = new Map<string, Waited<SessionRecord>>();
  readonly #submitted = new Map<string, SessionRecord | undefined>();
  readonly #unwatch: () => void;

  constructor(board: ReplicatedHandle<TaskBoard>) {
    this.#board = board;
    this.#unwatch = board.watch({
      applied: (command) => this.#applied(command),
      restored: () => this.#settleAll(),
    });
  }

  /**
   * To be called before a session is proposed that is likely to be waited for: it may be over and forgotten by the
   * board before its proposer hears that it was opened.
   */
  expect(session: string): void {
    this.#submitted.set(session, undefined);
    if (this.#submitted.size <= SUBMITTED_MAX) return;
    for (const oldest of this.#submitted.keys()) {
      this.#submitted.delete(oldest);
      break;
    }
  }

  #applied(command: unknown): void {
    if (this.#waiting.size === 0 && this.#submitted.size === 0) return;
    let last: string | undefined;
    for (const part of partsOf(command)) {
      if (part.type === 'holder.lost') return this.#settleAll();
      const isOpening = part.type === 'session.open' || part.type === 'session.begin';
      if (isOpening && this.#submitted.has(part.session))
        this.#submitted.set(part.session, this.#board.module.session(part.session));
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
    const submitted = this.#submitted.get(session);
    this.#submitted.delete(session);
    if (!submitted && !this.#board.module.session(session)) await this.#board.readBarrier();
    this.#list.checkOpen();
    const record = this.#board.module.session(session) ?? submitted;
    if (!record) throw new TuttiError('TUTTI_SESSION_UNKNOWN', { session });
    if (record.state !== 'running') return record;
    this.#list.checkRoom();
    let waited = this.#waiting.get(session);
    if (!waited) this.#waiting.set(session, (waited = this.#list.begin(record)));
    return this.#list.wait(waited, session, signal, () => this.#waiting.delete(session));
  }

  /** Those who still wait are told `TUTTI_CLOSED`. */
  close(): void {
    this.#unwatch();
    this.#waiting.clear();
    this.#list.close();
  }

  #settle(session: string): void {
    const waited = this.#waiting.get(session);
    if (!waited) return;
    const known = this.#board.module.session(session);
    const ended = known ?? waited.record;
    if (known?.state === 'running') return;
    this.#waiting.delete(session);
    this.#list.end(waited, (waiter) => {
      if (ended.state !== 'running') waiter.resolve(ended);
      else waiter.reject(new TuttiError('TUTTI_SESSION_UNKNOWN', { session }));
    });
  }
}
