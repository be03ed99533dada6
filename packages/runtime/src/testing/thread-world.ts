import type { Ref } from '../actor/ref.ts';
import type { DeadLetter } from '../mailbox/dead-letters.ts';
import type { SpawnOptions } from '../system/actor-system.ts';
import { threaded } from '../threads/threaded.ts';
import { createTestSystem, type TestSystem, type TestSystemOptions } from './test-system.ts';

/** One node on virtual time whose threads can import some logics. */
export interface ThreadWorld extends TestSystem {
  /** What has reached nobody so far. */
  readonly letters: readonly DeadLetter[];
  /** Lets time go on until a promise is settled. */
  readonly settle: <Value>(promise: Promise<Value>) => Promise<Value>;
  readonly pass: (durationMs: number) => Promise<void>;
  /** Spawns one of the logics on a thread. */
  readonly place: (name: string, options?: SpawnOptions) => Ref;
}

const MODULE = 'm';

/** @param logics By the names of their exports. */
export function threadWorld(
  logics: Readonly<Record<string, unknown>>,
  bounds: Omit<NonNullable<TestSystemOptions['threads']>, 'modules'> = {},
): ThreadWorld {
  const test = createTestSystem({ threads: { modules: { [MODULE]: logics }, ...bounds } });
  const letters: DeadLetter[] = [];
  test.system.deadLetters.onDeadLetter((letter) => {
    for (let each = letter.count ?? 1; each > 0; each--) letters.push(letter);
  });
  return {
    ...test,
    letters,
    settle: async (promise) => {
      let isOver = false;
      const end = () => (isOver = true);
      promise.then(end, end);
      await test.until(() => isOver, 600_000);
      return await promise;
    },
    pass: async (durationMs) => {
      const end = test.clock.now() + durationMs;
      test.clock.setTimer(durationMs, () => {});
      await test.until(() => test.clock.now() >= end);
    },
    place: (name, options = {}) => test.system.spawn(threaded(MODULE, { export: name }), options) as Ref,
  };
}
