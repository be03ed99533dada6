import { isTuttiError, settled } from '@tutti/kernel';
import { describe, expect, test } from 'vitest';
import {
  type AnyActorRef,
  type AnyStateMachine,
  assign,
  createMachine,
  type EventObject,
  emit,
  fromCallback,
  fromPromise,
  raise,
  sendTo,
  spawnChild,
} from 'xstate';
import type { KeptTurn, StateKeeper } from '../system/actor-system.ts';
import { createTestSystem } from '../testing/test-system.ts';
import type { Ref } from './ref.ts';
import { reply } from './reply.ts';

describe('lives', () => {
  test('a timer of an earlier life is never delivered, not even one that had fired', () => {
    const { system, advance, clock } = createTestSystem();
    const log: string[] = [];
    const machine = createMachine({
      entry: raise({ type: 'TICK' }, { delay: 50 }),
      on: {
        TICK: { actions: () => log.push(`tick at ${String(clock.now())}`) },
        FAIL: {
          actions: () => {
            throw new Error('x');
          },
        },
      },
    });
    const ref = system.spawn(machine);
    advance(30);
    ref.send({ type: 'FAIL' });
    advance(49);
    expect(log).toEqual([]);
    advance(1);
    expect(log).toEqual(['tick at 80']);
  });

  test('restarting and stopping clean up callbacks, promises and timers inside', async () => {
    const { system, advance, clock } = createTestSystem();
    const log: string[] = [];
    const machine = createMachine({
      invoke: [
        { src: fromCallback(() => () => void log.push('cleaned')) },
        {
          src: fromPromise(
            ({ signal }) => new Promise(() => signal.addEventListener('abort', () => log.push('aborted'))),
          ),
        },
      ],
      after: { 1_000_000: {} },
      on: {
        FAIL: {
          actions: () => {
            throw new Error('x');
          },
        },
      },
    });
    const ref = system.spawn(machine);
    ref.send({ type: 'FAIL' });
    advance();
    expect(log.splice(0).sort()).toEqual(['aborted', 'cleaned']);
    const stopped = ref.stop();
    advance();
    await stopped;
    expect(log.sort()).toEqual(['aborted', 'cleaned']);
    advance(10_000);
    expect(clock.nextAt()).toBeUndefined();
  });

  test('a child that was to be stopped when the transition failed is cleaned up too', () => {
    const { system, advance } = createTestSystem();
    const log: string[] = [];
    const machine = createMachine({
      initial: 'a',
      states: {
        a: { invoke: { src: fromCallback(() => () => void log.push('cleaned')) }, on: { GO: 'b' } },
        b: {
          entry: assign(() => {
            throw new Error('x');
          }),
        },
      },
    });
    const ref = system.spawn(machine, { supervise: false });
    ref.send({ type: 'GO' });
    advance();
    expect(log).toEqual(['cleaned']);
  });

  test('a promise, a callback and an observable can be actors themselves', async () => {
    const { system, until, probe } = createTestSystem();
    const watcher = probe();
    watcher.watch(
      system.spawn(
        fromPromise(() => Promise.resolve(1)),
        { id: 'good' },
      ) as Ref,
    );
    watcher.watch(
      system.spawn(
        fromPromise(() => Promise.reject(new Error('bad'))),
        { id: 'bad', supervise: false },
      ) as Ref,
    );
    const received: string[] = [];
    const callback = system.spawn(
      fromCallback<EventObject>(({ receive }) => {
        receive((event) => void received.push(event.type));
        return () => void received.push('cleaned');
      }),
    );
    callback.send({ type: 'one' });
    await until(() => watcher.terminated.length === 2);
    void callback.stop();
    await until(() => received.length === 2);
    expect(watcher.terminated.map(({ reason }) => reason).sort()).toEqual(['done', 'failed']);
    expect(received).toEqual(['one', 'cleaned']);
  });
});

describe('machines in cells', () => {
  test('can send to refs as to any actor, also with delay', () => {
    const { system, advance, probe } = createTestSystem();
    const { ref, events } = probe();
    const target = ref as object as AnyActorRef;
    const machine = createMachine({
      entry: [sendTo(() => target, { type: 'NOW' }), sendTo(() => target, { type: 'LATER' }, { delay: 10 })],
    });
    system.spawn(machine);
    advance(9);
    expect(events).toEqual([{ type: 'NOW' }]);
    advance(1);
    expect(events).toEqual([{ type: 'NOW' }, { type: 'LATER' }]);
  });

  test('ids inside come from the system, so the same seed gives the same ids', () => {
    const idsOf = (seed: number): string => {
      const { system, advance } = createTestSystem({ seed });
      const child = createMachine({});
      const ref = system.spawn(
        createMachine({ entry: [spawnChild(child), spawnChild(child, { id: 'named' })] }),
      );
      advance();
      let ids = '';
      ref.subscribe((snapshot) => {
        const children: Record<string, { sessionId: string } | undefined> = snapshot.children;
        ids = Object.values(children)
          .map((actor) => actor?.sessionId)
          .join();
      });
      return ids;
    };
    expect(idsOf(1)).toBe(idsOf(1));
    expect(idsOf(1)).not.toBe(idsOf(2));
  });

  test('actors of a plain machine share one initial snapshot, and those with effects do not', () => {
    const { system, advance } = createTestSystem();
    const snapshotsOf = (machine: AnyStateMachine): Set<unknown> => {
      const seen = new Set<unknown>();
      const refs = [system.spawn(machine), system.spawn(machine)];
      advance();
      for (const ref of refs) ref.subscribe((snapshot) => seen.add(snapshot))();
      return seen;
    };
    expect(snapshotsOf(createMachine({ context: { n: 0 }, initial: 'a', states: { a: {} } })).size).toBe(1);
    expect(snapshotsOf(createMachine({ entry: emit({ type: 'hi' }) })).size).toBe(2);
    expect(snapshotsOf(createMachine({ context: () => ({ n: 0 }) })).size).toBe(2);
  });
});

describe('a kept actor', () => {
  const machine = createMachine({
    context: { n: 0 },
    on: {
      ADD: { actions: [assign({ n: ({ context }) => context.n + 1 }), reply(({ context }) => context.n)] },
    },
  });

  test('releases replies only when its turn is committed, and goes on from what was kept', async () => {
    const { system, advance, until } = createTestSystem();
    const turns: { turn: KeptTurn; commit: () => void }[] = [];
    let kept: unknown;
    const keeper = {
      restore: () => kept,
      commit: (turn: KeptTurn) =>
        new Promise<void>((resolve) => {
          turns.push({
            turn,
            commit: () => {
              kept = turn.persisted();
              resolve();
            },
          });
        }),
    };
    const ref = system.spawn(machine, { id: 'k', keeper });
    let answer = 0;
    void ref.ask<number>({ type: 'ADD' }).then((value) => (answer = value));
    advance();
    expect(turns).toHaveLength(1);
    turns[0]!.commit();
    await until(() => turns.length === 2, 10);
    expect(turns[1]!.turn.changed).toBe(true);
    expect(answer).toBe(0);
    turns[1]!.commit();
    await until(() => answer > 0, 10);
    expect(answer).toBe(1);
    void ref.stop();
    advance();
    const again = system.spawn(machine, {
      id: 'k',
      keeper: { restore: () => kept, commit: () => undefined },
    });
    const next = again.ask<number>({ type: 'ADD' });
    advance();
    expect(await next).toBe(2);
  });

  /** A keeper whose turns hold up to eight messages, and that commits when it is told to. */
  function slowKeeper() {
    const turns: { readonly n: number; readonly commit: () => void }[] = [];
    let kept: unknown;
    let confirmation: Promise<void> | undefined;
    const keeper: StateKeeper = {
      turnMessagesMax: 8,
      restore: () => kept,
      confirm: () => confirmation,
      commit: (turn) => {
        const snapshot = turn.persisted() as { context: { n: number } };
        return new Promise((resolve) => {
          const commit = () => {
            kept = snapshot;
            resolve();
          };
          turns.push({ n: snapshot.context.n, commit });
        });
      },
    };
    const hold = () => {
      let release = () => {};
      confirmation = new Promise((resolve) => {
        release = () => {
          confirmation = undefined;
          resolve();
        };
      });
      return release;
    };
    return { turns, keeper, hold };
  }

  test('shares a commit among the messages that wait, in turns of a bounded number, and answers each', async () => {
    const { system, advance, until } = createTestSystem();
    const { turns, keeper } = slowKeeper();
    const ref = system.spawn(machine, { keeper });
    const answers: unknown[] = [];
    for (let i = 0; i < 10; i++) void ref.ask({ type: 'ADD' }).then((value) => answers.push(value));
    advance();
    for (let at = 0; at < 3; at++) {
      await until(() => turns.length > at, 10);
      expect(answers).toHaveLength([0, 0, 8][at]!);
      turns[at]!.commit();
    }
    await until(() => answers.length === 10, 10);
    expect(turns.map(({ n }) => n)).toEqual([0, 8, 10]);
    expect(answers).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test('commits what came before a failure, tells only the one who caused it, and goes on from there', async () => {
    const { system, advance } = createTestSystem();
    const { turns, keeper } = slowKeeper();
    const strict = createMachine({
      context: { n: 0 },
      on: {
        ADD: { actions: [assign({ n: ({ context }) => context.n + 1 }), reply(({ context }) => context.n)] },
        BAD: {
          actions: assign(() => {
            throw new Error('bad');
          }),
        },
      },
    });
    const ref = system.spawn(strict, { keeper });
    const answers = ['ADD', 'ADD', 'BAD', 'ADD'].map((type) =>
      ref.ask({ type }).catch((thrown: unknown) => isTuttiError(thrown, 'TUTTI_ACTOR_FAILED')),
    );
    advance();
    for (let committed = 0; committed < turns.length; committed++) {
      turns[committed]!.commit();
      await settled();
      advance();
    }
    // The third is the restart, which shows what was kept.
    expect(turns.map(({ n }) => n)).toEqual([0, 2, 2, 3]);
    expect(await Promise.all(answers)).toEqual([1, 2, true, 3]);
  });

  test('does not let out what was committed before the keeper says once more that it may', async () => {
    const { system, advance } = createTestSystem();
    const { turns, keeper, hold } = slowKeeper();
    const ref = system.spawn(machine, { keeper });
    let answer: unknown;
    void ref.ask({ type: 'ADD' }).then((value) => (answer = value));
    advance();
    const goOn = async () => {
      await settled();
      advance();
      await settled();
    };
    turns[0]!.commit();
    await goOn();
    const release = hold();
    turns[1]!.commit();
    await goOn();
    expect(answer).toBeUndefined();
    release();
    await goOn();
    expect(answer).toBe(1);
  });

  test('takes a child while its commit is under way, and has it go when that is refused', async () => {
    const { system, advance } = createTestSystem();
    const commits: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
    const keeper: StateKeeper = {
      restore: () => undefined,
      commit: () => new Promise<void>((resolve, reject) => void commits.push({ resolve, reject })),
    };
    const parent = system.spawn(machine, { keeper });
    advance();
    const first = system.spawn(machine, { parent });
    const answers = [first.ask({ type: 'ADD' })];
    advance();
    commits[0]!.resolve();
    await settled();
    parent.send({ type: 'ADD' });
    advance();
    const second = system.spawn(machine, { parent });
    answers.push(second.ask({ type: 'ADD' }));
    advance();
    expect(await Promise.all(answers)).toEqual([1, 1]);
    expect(system.actorCount).toBe(3);
    commits[1]!.reject(new Error('stale epoch'));
    await settled();
    advance();
    expect(system.actorCount).toBe(0);
  });

  test('whose commit is refused fails its ask with the reason, and is not restarted', async () => {
    const { system, until, probe } = createTestSystem();
    const refused = new Error('stale epoch');
    let commits = 0;
    const commit = () => (++commits === 1 ? undefined : Promise.reject(refused));
    const ref = system.spawn(machine, { keeper: { restore: () => undefined, commit } });
    const watcher = probe();
    watcher.watch(ref as Ref);
    const outcome = ref.ask({ type: 'ADD' }).catch((error: Error) => error.message);
    await until(() => watcher.terminated.length > 0);
    expect(await outcome).toBe('stale epoch');
    expect(watcher.terminated).toMatchObject([{ reason: 'failed', problem: 'stale epoch' }]);
  });
});
