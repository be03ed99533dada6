import { getEventListeners } from 'node:events';
import { incarnation, logIndex, nodeId, silentLogger } from '@tutti/kernel';
import type { ModuleWatcher, ReplicatedHandle } from '@tutti/runtime';
import { expect, test } from 'vitest';
import { planOf } from '../../testing/plan-of.ts';
import type { BoardCommand } from './commands.ts';
import { SessionWaiters } from './session-waiters.ts';
import { TaskBoard } from './task-board.ts';
import { TaskWaiters } from './task-waiters.ts';

/** A board that remembers two sessions that are over, and those who wait for its sessions and tasks. */
class Desk {
  readonly board = new TaskBoard({ finishedKept: 2 });
  readonly #watchers = new Set<ModuleWatcher>();
  readonly #handle: ReplicatedHandle<TaskBoard> = {
    module: this.board,
    propose: () => Promise.reject(new Error('nothing is proposed here')),
    readBarrier: () => Promise.resolve(logIndex(0)),
    logger: silentLogger,
    watch: (watcher) => {
      this.#watchers.add(watcher);
      return () => this.#watchers.delete(watcher);
    },
  };
  readonly waiters = new SessionWaiters(this.#handle);
  readonly taskWaiters = new TaskWaiters(this.#handle);
  #index = 0;

  apply(command: BoardCommand): void {
    const context = { index: logIndex(++this.#index), timeMs: this.#index };
    const outcome = this.board.apply(command, context);
    for (const watcher of this.#watchers) watcher.applied?.(command, outcome, context);
  }

  open(session: string): void {
    const plan = planOf([{ id: 'a' }]);
    this.apply({ type: 'session.open', session, plan, mode: 'eager', folder: '' });
  }

  /** Waits for each session, and for the task of each. */
  wait(sessions: readonly string[], signal: AbortSignal): Promise<string[]> {
    const waits = sessions.flatMap((session) => [
      this.waiters.waitFor(session, signal),
      this.taskWaiters.waitFor(session, 'a', signal),
    ]);
    const word = (wait: Promise<{ readonly state: string }>) =>
      wait.then(
        ({ state }) => state,
        (thrown: { code: string }) => thrown.code,
      );
    return Promise.all(waits.map(word));
  }

  /** Ends sessions in one entry of the log. */
  end(...sessions: string[]): void {
    const cancel = (session: string) => ({ type: 'session.cancel', session, reason: 'enough' }) as const;
    this.apply({ type: 'batch', commands: sessions.map(cancel) });
  }
}

const SESSIONS = ['a', 'b', 'c', 'd'];

test('who waits for a session hears of its end, also when so many end at once that it is forgotten at once', async () => {
  const desk = new Desk();
  for (const session of SESSIONS) desk.open(session);
  const ends = Promise.all(SESSIONS.map((session) => desk.waiters.waitFor(session)));
  await Promise.resolve();
  desk.end(...SESSIONS);
  expect((await ends).map(({ id, state }) => `${id} ${state}`)).toEqual(
    SESSIONS.map((id) => `${id} cancelled`),
  );
  expect(desk.board.session('a')).toBeUndefined();
});

test('whoever submitted a session hears of its end, also when it is forgotten before they begin to wait', async () => {
  const desk = new Desk();
  for (const session of SESSIONS) {
    if (session !== 'b') desk.waiters.expect(session);
    desk.open(session);
  }
  desk.end(...SESSIONS);
  expect((await desk.waiters.waitFor('a')).state).toBe('cancelled');
  await expect(desk.waiters.waitFor('b')).rejects.toThrow('There is no session "b"');
});

test('a session that ends because a lost node fells it once too often is told to those who wait', async () => {
  const desk = new Desk();
  desk.open('a');
  const end = desk.waiters.waitFor('a');
  for (let life = 1; life <= 10; life++) {
    const holder = { node: nodeId('n1'), incarnation: incarnation(life) };
    desk.apply({ type: 'tasks.take', holder, orchestrator: 'backend', upTo: 1 });
    desk.apply({ type: 'holder.lost', holder, recovery: 'failover' });
  }
  expect((await end).state).toBe('failed');
});

test('whoever waited listens to their signal no more, however the wait ended', async () => {
  const desk = new Desk();
  const controller = new AbortController();
  const { signal } = controller;
  const listeners = () => getEventListeners(signal, 'abort').length;
  for (const session of [...SESSIONS, 'e', 'f']) desk.open(session);

  const ended = desk.wait(SESSIONS, signal);
  const aborted = desk.wait(['e'], signal);
  expect(listeners()).toBe(10);
  desk.end(...SESSIONS);
  expect(new Set(await ended)).toEqual(new Set(['cancelled']));
  expect(listeners()).toBe(2);
  controller.abort();
  expect(await aborted).toEqual(['TUTTI_ABORTED', 'TUTTI_ABORTED']);
  expect(await desk.wait(['e'], signal)).toEqual(['TUTTI_ABORTED', 'TUTTI_ABORTED']);
  expect(listeners()).toBe(0);

  const other = new AbortController();
  const closed = desk.wait(['f'], other.signal);
  desk.waiters.close();
  desk.taskWaiters.close();
  expect(await closed).toEqual(['TUTTI_CLOSED', 'TUTTI_CLOSED']);
  expect(getEventListeners(other.signal, 'abort')).toEqual([]);
});
