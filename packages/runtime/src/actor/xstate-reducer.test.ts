import { VirtualClock } from '@tutti/kernel';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ActorLogic,
  type AnyActorLogic,
  type AnyActorScope,
  createActor,
  type EventObject,
  fromPromise,
  fromTransition,
  type Snapshot,
} from 'xstate';
import { LocalActorSystem } from '../system/local-actor-system.ts';
import { LocalRef } from '../system/local-ref.ts';
import { createTestSystem } from '../testing/test-system.ts';
import { replying } from './reply.ts';
import { mayKeepScope, type Reducer, reducerOf } from './xstate-reducer.ts';

interface Put extends EventObject {
  readonly type: 'PUT';
  readonly value: unknown;
}

/** Keeps what it was given and says what it saw of its scope; a value of `'throw'` makes it throw. */
const keeping = () =>
  fromTransition(
    (kept: readonly unknown[], event: Put, { self }) => {
      if (event.value === 'throw') throw new Error('it was told to');
      return [...kept, event.value, typeof self.send];
    },
    [] as readonly unknown[],
  );

function snapshotsUnderXState(values: readonly unknown[]): unknown[] {
  const actor = createActor(keeping());
  actor.subscribe({ error: () => {} });
  actor.start();
  const seen: unknown[] = [actor.getSnapshot()];
  for (const value of values) {
    if (actor.getSnapshot().status !== 'active') break;
    actor.send({ type: 'PUT', value });
    if (actor.getSnapshot().status === 'active') seen.push(actor.getSnapshot());
  }
  return seen;
}

function snapshotsUnderTutti(values: readonly unknown[]): unknown[] {
  const { system, advance } = createTestSystem();
  const ref = system.spawn(keeping(), { supervise: false });
  const seen: unknown[] = [];
  ref.subscribe((snapshot: Snapshot<unknown>) => seen.push(snapshot));
  advance();
  for (const value of values) {
    ref.send({ type: 'PUT', value });
    advance();
  }
  return seen;
}

test('a reducer that goes the short way has the snapshots that it has under createActor', () => {
  const valueArb = fc.oneof({ weight: 8, arbitrary: fc.jsonValue() }, fc.constant('throw'));
  fc.assert(
    fc.property(fc.array(valueArb, { maxLength: 10 }), (values) => {
      expect(snapshotsUnderTutti(values)).toStrictEqual(snapshotsUnderXState(values));
    }),
    { numRuns: 100, seed: 20_261_121 },
  );
});

describe('the short way is only for what fromTransition made', () => {
  test('its function is found', () => {
    const count = (n: number) => n + 1;
    expect(reducerOf(fromTransition(count, 0))).toBe(count);
  });

  test('logic written by hand keeps its own transition, whatever it calls config', () => {
    const own = fromTransition((n: number) => n, 0);
    const doubling: typeof own = { ...own, transition: (snapshot) => ({ ...snapshot, context: 2 }) };
    expect(reducerOf(doubling)).toBeUndefined();
    expect(reducerOf(fromPromise(async () => await Promise.resolve(1)))).toBeUndefined();
  });
});

describe('a scope that is kept beyond its turn', () => {
  type Names = readonly string[];
  type Later = (action: () => void) => void;
  const kinds = [
    'a reducer',
    'a reducer of a rest',
    'a reducer with a default',
    'logic written by hand',
  ] as const;
  type Kind = (typeof kinds)[number];

  /** Notes what it gets. Told to `LATER`, it comes back to its scope when its turn is long over. */
  const steps = (later: Later, log: (line: string) => void): Record<Kind, AnyActorLogic> => {
    const step = (names: Names, event: EventObject, scope: AnyActorScope): Names => {
      if (event.type === 'LATER')
        later(() => {
          log(scope.id);
          scope.defer(() => log('deferred'));
          scope.emit({ type: 'emitted' });
          scope.self.send({ type: 'from itself' });
        });
      return [...names, event.type];
    };
    const start = [] as Names;
    const written: ActorLogic<Snapshot<undefined> & { context: Names }, EventObject> = {
      transition: (snapshot, event, scope) => ({
        ...snapshot,
        context: step(snapshot.context, event, scope as AnyActorScope),
      }),
      getInitialSnapshot: () => ({ status: 'active', output: undefined, error: undefined, context: start }),
      getPersistedSnapshot: (snapshot) => snapshot,
    };
    const rest = (names: Names, event: EventObject, ...[scope]: [AnyActorScope]) => step(names, event, scope);
    const optional = (names: Names, event: EventObject, scope = {} as AnyActorScope) =>
      step(names, event, scope);
    return {
      'a reducer': fromTransition(step, start),
      'a reducer of a rest': fromTransition(rest, start),
      'a reducer with a default': fromTransition(optional, start),
      'logic written by hand': written,
    };
  };
  const SENT = ['ONE', 'LATER', 'TWO'] as const;

  function underXState(kind: Kind): unknown {
    const log: string[] = [];
    const clock = new VirtualClock();
    const logic = steps(
      (action) => void clock.setTimer(10, action),
      (line) => log.push(line),
    )[kind];
    const actor = createActor(logic, { id: 'a' }).start();
    actor.on('*', ({ type }: EventObject) => log.push(type));
    for (const type of SENT) actor.send({ type });
    clock.advance(20);
    return [(actor.getSnapshot() as { context: unknown }).context, log];
  }

  function underTutti(kind: Kind): unknown {
    const { system, clock, advance } = createTestSystem();
    const log: string[] = [];
    const logic = steps(
      (action) => void clock.setTimer(10, action),
      (line) => log.push(line),
    )[kind];
    const strange: string[] = [];
    const spawn = (id: string, log: string[]) => {
      const ref: unknown = system.spawn(logic, { id });
      if (!(system instanceof LocalActorSystem) || !(ref instanceof LocalRef)) throw new Error('not local');
      system.runtime.selfOf(ref.cell!).on('*', ({ type }) => log.push(type));
      return ref;
    };
    const [a, b] = [spawn('a', log), spawn('b', strange)];
    for (const type of SENT) a.send({ type });
    advance(5);
    b.send({ type: 'HELLO' });
    advance(15);
    b.send({ type: 'HELLO' });
    advance();
    expect([b.cell!.snapshot, strange]).toMatchObject([{ context: ['HELLO', 'HELLO'] }, []]);
    return [(a.cell!.snapshot as Snapshot<unknown> & { context?: unknown }).context, log];
  }

  test.each(kinds)('is still that of its own actor, as under createActor: %s', (kind) => {
    expect(underTutti(kind)).toEqual(underXState(kind));
  });

  test('costs nothing where there is nothing to keep', () => {
    expect(mayKeepScope((n) => n)).toBe(false);
    expect(mayKeepScope(((n: object, { type }: EventObject) => ({ ...n, type })) as Reducer)).toBe(false);
    expect(
      mayKeepScope(function (n) {
        return n;
      }),
    ).toBe(false);
    expect(mayKeepScope(reducerOf(replying((n: number) => n, 0))!)).toBe(false);
  });
});
