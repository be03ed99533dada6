import { describe, expect, test } from 'vitest';
import { fromTransition } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { family, noting, TRIO } from '../testing/family.ts';
import { createTestSystem } from '../testing/test-system.ts';
import type { RestartStrategy } from './decide.ts';
import type { RestartType } from './policy.ts';
import { type ChildSpec, type SupervisorOptions, supervisor } from './supervisor.ts';

/**
 * What Erlang/OTP promises of its supervisors, case by case: which exits bring which child back, in which order children
 * start and end, and how many restarts are too many. What happens when things happen at once is in `at-once.test.ts`.
 */

describe('the nine exits of one child, and whom else they concern', () => {
  const types: RestartType[] = ['permanent', 'transient', 'temporary'];
  const isRestarted = (restart: RestartType, how: string): boolean =>
    restart === 'permanent' || (restart === 'transient' && how === 'abnormal');
  const cells = (['one-for-one', 'one-for-all', 'rest-for-one'] as const).flatMap((strategy) =>
    types.flatMap((restart) =>
      ['normal', 'shutdown', 'abnormal'].map((how) => [strategy, restart, how] as const),
    ),
  );
  const taken: Record<Exclude<RestartStrategy, 'dynamic'>, string> = {
    'one-for-one': 'b starts',
    'one-for-all': 'c ends, a ends, a starts, b starts, c starts',
    'rest-for-one': 'c ends, b starts, c starts',
  };

  test.each(cells)('%s, a %s child, %s exit', (strategy, restart, how) => {
    const { tell, news, alive, ends } = family({ strategy, members: { ...TRIO, b: { restart } } });
    expect(news()).toBe('a starts, b starts, c starts');
    tell('b', how);
    const comesBack = isRestarted(restart, how);
    expect(news()).toBe(comesBack ? taken[strategy] : '');
    expect(alive()).toBe(comesBack ? 'abc' : 'ac');
    expect(ends).toEqual([]);
  });

  test.each(types)('dynamic: %s children are each on their own', (restart) => {
    const { system, top, advance, alive } = family({ strategy: 'dynamic', members: {} });
    const refs = ['normal', 'shutdown', 'abnormal'].map((how) => {
      const ref: Ref = system.spawn(noting([], how), { id: how, parent: top, supervise: { restart } });
      ref.send({ type: how });
      return how;
    });
    advance();
    expect(alive()).toBe(refs.filter((how) => isRestarted(restart, how)).join(''));
  });

  test.each(types)('a %s child that is told to stop does not come back', async (restart) => {
    const { member, advance, alive, news } = family({ members: { ...TRIO, b: { restart } } });
    news();
    const stopped = member('b').stop();
    advance();
    await stopped;
    expect([news(), alive()]).toEqual(['b ends', 'ac']);
  });

  test('a temporary child that is taken along stays away, and takes nobody along', () => {
    const members = { ...TRIO, b: { restart: 'temporary' as const } };
    const { tell, news, alive } = family({ strategy: 'one-for-all', members });
    news();
    tell('c', 'abnormal');
    expect([news(), alive()]).toEqual(['b ends, a ends, a starts, c starts', 'ac']);
  });
});

describe('order', () => {
  test('each starts when the one before is up with all its own, and they end in reverse', async () => {
    const { system, advance } = createTestSystem();
    const log: string[] = [];
    const listed = (...names: string[]): ChildSpec[] => names.map((id) => ({ id, logic: noting(log, id) }));
    const inner = supervisor({ children: listed('b1', 'b2') });
    const [a, c] = listed('a', 'c');
    const outer = supervisor({ children: [a!, { id: 'b', logic: inner }, c!] });
    const ref = system.spawn(outer, { id: 'outer' });
    advance();
    expect(log.splice(0)).toEqual(['a starts', 'b1 starts', 'b2 starts', 'c starts']);
    const stopped = ref.stop();
    advance();
    await stopped;
    expect(log).toEqual(['c ends', 'b2 ends', 'b1 ends', 'a ends']);
  });

  test('whoever was spawned under it before it began comes last', () => {
    const { system, advance } = createTestSystem();
    const log: string[] = [];
    const top = system.spawn(
      supervisor({ strategy: 'rest-for-one', children: [{ id: 'a', logic: noting(log, 'a') }] }),
    );
    const late = system.spawn(noting(log, 'late'), { id: 'late', parent: top });
    late.send({ type: 'work' });
    advance();
    expect(log).toEqual(['a starts', 'late starts', 'late work']);
  });

  test('what is sent to a child before its turn to start is kept for it', () => {
    const { system, advance } = createTestSystem();
    const log: string[] = [];
    const eager = fromTransition(
      () => undefined,
      () => system.ref('local:test/1/top/b').send({ type: 'early' }),
    );
    const children = [
      { id: 'a', logic: eager },
      { id: 'b', logic: noting(log, 'b') },
    ];
    system.spawn(supervisor({ children }), { id: 'top' });
    advance();
    expect(log).toEqual(['b starts', 'b early']);
  });
});

describe('a child that cannot be started', () => {
  const unstartable = { restart: 'permanent', failsToStart: () => true } as const;

  test('in the middle: those before it end, those after it never start, and the supervisor fails', () => {
    const { log, ends, system, member } = family({ members: { ...TRIO, b: unstartable } });
    expect(log).toEqual(['a starts', 'b cannot start', 'a ends']);
    expect(ends).toEqual(['failed']);
    expect(system.actorCount).toBe(0);
    member('c').send({ type: 'work' });
    expect(system.deadLetters.counts()['unknown-actor']).toBe(1);
  });

  test('below a supervisor whose own supervisor bears it: the whole start is tried again', () => {
    const failsToStart = (times: number) => times <= 2;
    const { log, alive, escalations } = family({
      members: { ...TRIO, b: { restart: 'permanent', failsToStart } },
      above: { intensity: { restarts: 2, withinMs: 1_000 } },
    });
    expect(log.join(', ')).toBe(
      'a starts, b cannot start, a ends, a starts, b cannot start, a ends, a starts, b starts, c starts',
    );
    expect([alive(), escalations.length]).toEqual(['abc', 0]);
  });

  test.each([
    ['one-for-one', 'b cannot start, b cannot start, b starts'],
    [
      'one-for-all',
      'c ends, a ends, a starts, b cannot start, a ends, a starts, b cannot start, a ends, a starts, b starts, c starts',
    ],
    ['rest-for-one', 'c ends, b cannot start, b cannot start, b starts, c starts'],
  ] as const)('at a restart, %s: that is one more failure of it', (strategy, expected) => {
    const failsToStart = (times: number) => times === 2 || times === 3;
    const members = { ...TRIO, b: { restart: 'permanent', failsToStart } } as const;
    const { tell, news, alive } = family({ strategy, members });
    news();
    tell('b', 'abnormal');
    expect([news(), alive()]).toEqual([expected, 'abc']);
  });

  test('at every restart: its supervisor gives up, and the others end in reverse', () => {
    const failsToStart = (times: number) => times > 1;
    const members = { ...TRIO, b: { restart: 'permanent', failsToStart } } as const;
    const intensity = { restarts: 2, withinMs: 1_000 };
    const { tell, news, ends } = family({ members, intensity });
    news();
    tell('b', 'abnormal');
    expect([news(), ends]).toEqual(['b cannot start, b cannot start, c ends, a ends', ['failed']]);
  });
});

describe('restart intensity', () => {
  const twice = { restarts: 2, withinMs: 1_000 };

  test.each(['one-for-one', 'one-for-all', 'rest-for-one'] as const)(
    '%s: as many as allowed within the window, and the next one is too many',
    (strategy) => {
      const { tell, alive, ends } = family({ strategy, intensity: twice });
      tell('b', 'abnormal');
      tell('b', 'abnormal');
      expect([alive(), ends]).toEqual(['abc', []]);
      tell('b', 'abnormal');
      expect(ends).toEqual(['failed']);
    },
  );

  test('the window slides: one a second forever is not two within a second', () => {
    const { tell, advance, alive, ends } = family({ intensity: { restarts: 1, withinMs: 1_000 } });
    for (let i = 0; i < 50; i++) {
      tell('b', 'abnormal');
      advance(1_000);
    }
    expect([alive(), ends]).toEqual(['abc', []]);
    tell('b', 'abnormal');
    advance(999);
    tell('b', 'abnormal');
    expect(ends).toEqual(['failed']);
  });

  test('none allowed: the first failure is the last', () => {
    const { tell, ends } = family({ intensity: { restarts: 0, withinMs: 1_000 } });
    tell('a', 'abnormal');
    expect(ends).toEqual(['failed']);
  });

  test('one-for-one counts each child by itself, and all together when told to', () => {
    const apart = family({ intensity: twice });
    for (const id of ['a', 'b', 'c', 'a', 'b', 'c']) apart.tell(id, 'abnormal');
    expect([apart.alive(), apart.ends]).toEqual(['abc', []]);
    const together = family({ intensity: twice, totalIntensity: { restarts: 3, withinMs: 1_000 } });
    for (const id of ['a', 'b', 'c']) together.tell(id, 'abnormal');
    expect(together.ends).toEqual([]);
    together.tell('a', 'abnormal');
    expect(together.ends).toEqual(['failed']);
  });

  test.each(['one-for-all', 'rest-for-one'] as const)(
    '%s counts them together, as each restarts the others',
    (strategy) => {
      const { tell, ends } = family({ strategy, intensity: twice });
      tell('a', 'abnormal');
      tell('b', 'abnormal');
      expect(ends).toEqual([]);
      tell('c', 'abnormal');
      expect(ends).toEqual(['failed']);
    },
  );

  test('a normal exit of a permanent child counts too, and says so when it is too many', () => {
    const { tell, escalations } = family({
      intensity: twice,
      above: { intensity: { restarts: 0, withinMs: 1 } },
    });
    for (let i = 0; i < 3; i++) tell('b', 'normal');
    expect(escalations).toMatchObject([
      { address: 'local:test/1/top#1', error: { code: 'TUTTI_ACTOR_FAILED' } },
    ]);
  });

  test('a supervisor that was started again has borne nothing yet', () => {
    const { tell, alive, escalations } = family({
      intensity: { restarts: 1, withinMs: 1_000 },
      totalIntensity: { restarts: 1, withinMs: 1_000 },
      above: { intensity: { restarts: 1, withinMs: 1_000 } },
    });
    tell('b', 'abnormal');
    tell('b', 'abnormal'); // the supervisor fails and is started again
    tell('b', 'abnormal');
    expect([alive(), escalations.length]).toEqual(['abc', 0]);
    tell('b', 'abnormal');
    expect(escalations).toHaveLength(1);
  });
});

describe('automatic shutdown', () => {
  const significant = { restart: 'transient', significant: true } as const;
  const plain = { restart: 'permanent' } as const;

  test('any: the first significant child that ends by itself ends the supervisor, done', () => {
    const members = { a: plain, b: significant, c: significant };
    const { tell, news, ends } = family({ autoShutdown: 'any-significant', members });
    news();
    tell('b', 'abnormal');
    expect([news(), ends]).toEqual(['b starts', []]);
    tell('b', 'normal');
    expect([news(), ends]).toEqual(['c ends, a ends', ['done']]);
  });

  test('all: the last significant one does, and those that were told to stop are no reason', async () => {
    const members = { a: plain, b: significant, c: significant, d: significant };
    const { tell, news, ends, member, advance } = family({ autoShutdown: 'all-significant', members });
    tell('b', 'normal');
    expect(ends).toEqual([]);
    const stopped = member('c').stop();
    advance();
    await stopped;
    expect(ends).toEqual([]);
    news();
    tell('d', 'shutdown');
    expect([news(), ends]).toEqual(['a ends', ['done']]);
  });

  test('a temporary significant child ends it by failing too, and one told to stop does not', async () => {
    const members = { a: plain, b: { restart: 'temporary', significant: true } } as const;
    const first = family({ autoShutdown: 'any-significant', members });
    first.tell('b', 'abnormal');
    expect(first.ends).toEqual(['done']);
    const second = family({ autoShutdown: 'any-significant', members });
    const stopped = second.member('b').stop();
    second.advance();
    await stopped;
    expect(second.ends).toEqual([]);
  });

  test('a supervisor that must always be there is started again after it', () => {
    const members = { a: plain, b: significant };
    const { tell, alive } = family({
      autoShutdown: 'any-significant',
      members,
      above: { restart: 'permanent' },
    });
    tell('b', 'normal');
    expect(alive()).toBe('ab');
  });

  test('children that cannot end are not significant, and significance without it means nothing', () => {
    const logic = noting([], 'x');
    const refused: SupervisorOptions[] = [
      { children: [{ id: 'x', logic, policy: { significant: true } }] },
      {
        autoShutdown: 'any-significant',
        children: [{ id: 'x', logic, policy: { significant: true, restart: 'permanent' } }],
      },
      {
        children: [
          { id: 'x', logic },
          { id: 'x', logic },
        ],
      },
      { strategy: 'dynamic', children: [{ id: 'x', logic }] },
      { childrenMax: 0 },
      { intensity: { restarts: -1, withinMs: 1_000 } },
      { totalIntensity: { restarts: 1, withinMs: 0 } },
    ];
    for (const options of refused)
      expect(() => supervisor(options)).toThrow(expect.objectContaining({ code: 'TUTTI_OPTION_INVALID' }));
  });
});
