import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createActor, type EventObject, fromPromise, fromTransition, type Snapshot } from 'xstate';
import { createTestSystem } from '../testing/test-system.ts';
import { reducerOf } from './xstate-reducer.ts';

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
