import { seededRandom } from '@tutti/kernel';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ChildEnding,
  type Decision,
  decide,
  NO_HISTORY,
  type RestartStrategy,
  supervised,
} from './decide.ts';
import type { RestartType } from './policy.ts';

const random = seededRandom(1);
const intensity = { restarts: 3, withinMs: 5_000 };

/** Children a (permanent), b (of the type in question), c (permanent), d (temporary); b is the one it happens to. */
function ask(kind: RestartStrategy, restart: RestartType, how: ChildEnding): string {
  const types: [string, RestartType][] = [
    ['a', 'permanent'],
    ['b', restart],
    ['c', 'permanent'],
    ['d', 'temporary'],
  ];
  const children = types.map(([id, type]) => supervised(id, { restart: type, intensity }));
  const decision = decide({ kind, children }, { child: 'b', how, atMs: 0 }, NO_HISTORY, NO_HISTORY, random);
  return decision.directives.map(({ type, child }) => `${type} ${child}`).join(', ');
}

const ONE = 'suspend b, restart b';
const ALL = 'stop d, suspend c, suspend b, suspend a, restart a, restart b, restart c';
const REST = 'stop d, suspend c, suspend b, restart b, restart c';

describe('whom a failure or an end concerns', () => {
  test.each([
    ['one-for-one', 'permanent', 'failed', ONE],
    ['one-for-one', 'permanent', 'done', ONE],
    ['one-for-one', 'transient', 'failed', ONE],
    ['one-for-one', 'transient', 'done', 'stop b'],
    ['one-for-one', 'temporary', 'failed', 'stop b'],
    ['one-for-one', 'temporary', 'done', 'stop b'],
    ['one-for-all', 'permanent', 'failed', ALL],
    ['one-for-all', 'permanent', 'done', ALL],
    ['one-for-all', 'transient', 'failed', ALL],
    ['one-for-all', 'transient', 'done', 'stop b'],
    ['one-for-all', 'temporary', 'failed', 'stop b'],
    ['one-for-all', 'temporary', 'done', 'stop b'],
    ['rest-for-one', 'permanent', 'failed', REST],
    ['rest-for-one', 'permanent', 'done', REST],
    ['rest-for-one', 'transient', 'failed', REST],
    ['rest-for-one', 'transient', 'done', 'stop b'],
    ['rest-for-one', 'temporary', 'failed', 'stop b'],
    ['rest-for-one', 'temporary', 'done', 'stop b'],
    ['dynamic', 'permanent', 'failed', ONE],
    ['dynamic', 'transient', 'done', 'stop b'],
    ['one-for-all', 'permanent', 'stopped', ALL],
    ['one-for-all', 'transient', 'stopped', 'stop b'],
    ['one-for-all', 'temporary', 'stopped', 'stop b'],
  ] as const)('%s, %s child %s: %s', (kind, restart, how, directives) => {
    expect(ask(kind, restart, how)).toBe(directives);
  });
});

/** One child failing at each of the instants; what came of each. */
function failing(
  atMs: readonly number[],
  policy = { intensity },
  total?: { restarts: number; withinMs: number },
): string[] {
  let last: Pick<Decision, 'history' | 'total'> = { history: NO_HISTORY, total: NO_HISTORY };
  return atMs.map((at) => {
    const strategy = {
      kind: 'one-for-one' as const,
      children: [supervised('a', policy)],
      totalIntensity: total,
    };
    const decision = decide(
      strategy,
      { child: 'a', how: 'failed', atMs: at },
      last.history,
      last.total,
      random,
    );
    last = decision;
    return decision.directives.at(-1)!.type;
  });
}

describe('intensity is a sliding window', () => {
  test('the restart that is one too many escalates', () => {
    expect(failing([0, 1, 2, 3])).toEqual(['restart', 'restart', 'restart', 'escalate']);
  });

  test('a restart leaves the window exactly when it is as old as the window', () => {
    expect(failing([0, 1, 2, 4_999])).toEqual(['restart', 'restart', 'restart', 'escalate']);
    expect(failing([0, 1, 2, 5_000])).toEqual(['restart', 'restart', 'restart', 'restart']);
    expect(failing([0, 1, 2, 5_000, 5_000])).toEqual([
      'restart',
      'restart',
      'restart',
      'restart',
      'escalate',
    ]);
  });

  test('what is excused is not counted, and waits for nothing', () => {
    const policy = { intensity: { restarts: 0, withinMs: 5_000 }, backoff: { initialMs: 100, maxMs: 100 } };
    const strategy = { kind: 'one-for-one' as const, children: [supervised('a', policy)] };
    const failure = { child: 'a', how: 'failed' as const, atMs: 7, isExcused: true };
    const history = { restartsAtMs: [], failuresInARow: 2, upSinceMs: 3 };
    expect(decide(strategy, failure, history, NO_HISTORY, random)).toEqual({
      directives: [
        { type: 'suspend', child: 'a' },
        { type: 'restart', child: 'a', delayMs: 0 },
      ],
      history,
      total: NO_HISTORY,
    });
    const temporary = { ...strategy, children: [supervised('a', { restart: 'temporary' })] };
    expect(decide(temporary, failure, history, NO_HISTORY, random).directives).toEqual([
      { type: 'stop', child: 'a' },
    ]);
  });

  test('no restarts at all can be allowed, and all children together can be limited', () => {
    expect(failing([0], { intensity: { restarts: 0, withinMs: 1 } })).toEqual(['escalate']);
    expect(failing([0, 10_000, 10_001], { intensity }, { restarts: 1, withinMs: 5_000 })).toEqual([
      'restart',
      'restart',
      'escalate',
    ]);
  });

  test('within any window no more restarts are granted than allowed, whatever the failures', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 40 }), (gaps) => {
        let now = 0;
        const instants = gaps.map((gap) => (now += gap));
        const granted = instants.filter((_, i) => failing(instants.slice(0, i + 1)).at(-1) === 'restart');
        for (const at of granted) {
          expect(granted.filter((other) => other >= at && other - at < 5_000).length).toBeLessThanOrEqual(3);
        }
      }),
      { numRuns: 100, seed: 5 },
    );
  });
});

test('backoff doubles with failures in a row and begins anew after a steady time', () => {
  const backoff = { initialMs: 100, maxMs: 1_000, factor: 2, jitter: 0 };
  const child = supervised('a', { intensity: { restarts: 100, withinMs: 5_000 }, backoff });
  let history = NO_HISTORY;
  const delays = [0, 100, 500, 900, 2_000, 3_100, 9_500].map((atMs) => {
    const decision = decide(
      { kind: 'one-for-one', children: [child] },
      { child: 'a', how: 'failed', atMs },
      history,
      NO_HISTORY,
      random,
    );
    history = decision.history;
    const restart = decision.directives.at(-1)!;
    return restart.type === 'restart' ? restart.delayMs : -1;
  });
  expect(delays).toEqual([100, 200, 400, 800, 1_000, 1_000, 100]);
});
