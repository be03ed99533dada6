import { expect, test } from 'vitest';
import { fromTransition } from 'xstate';
import { createTestSystem } from '../testing/test-system.ts';

const counter = fromTransition((count: number) => count + 1, 0);

test('who subscribes while a subscriber is told hears of the next snapshot first', () => {
  const { system, advance } = createTestSystem();
  const ref = system.spawn(counter);
  advance();
  const told: unknown[] = [];
  const follow = () => {
    let isFirst = true;
    ref.subscribe(({ context }) => {
      const isAtOnce = isFirst;
      isFirst = false;
      if (isAtOnce) return; // what it is at the time of subscribing
      told.push(context);
      if (told.length < 100) follow();
    });
  };
  follow();
  for (let i = 0; i < 3; i++) {
    ref.send({ type: 'go' });
    advance();
  }
  expect(told).toEqual([1, 2, 2, 3, 3, 3, 3]);
});

test('a subscriber that another one has taken off in the same turn is not told any more', () => {
  const { system, advance } = createTestSystem();
  const ref = system.spawn(counter);
  advance();
  const told: string[] = [];
  let end = () => {};
  ref.subscribe(() => {
    told.push('first');
    end();
  });
  end = ref.subscribe(() => told.push('second'));
  ref.send({ type: 'go' });
  advance();
  expect(told).toEqual(['first', 'second', 'first']);
});
