import { VirtualClock } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { inSlices } from './in-slices.ts';

/** Has a clock that notes how many items were done in each turn. */
function sliced(count: number, slice: number, act: (item: number) => void = () => {}) {
  const clock = new VirtualClock();
  const turns: number[][] = [[]];
  const nextTurn = clock.nextTurn.bind(clock);
  clock.nextTurn = (action) =>
    nextTurn(() => {
      turns.push([]);
      action();
    });
  const items = Array.from({ length: count }, (_, item) => item);
  const note = (item: number) => {
    turns.at(-1)!.push(item);
    act(item);
  };
  return { clock, turns, done: inSlices(clock, items, note, slice) };
}

test('the first slice is done at once, each further one in a turn of its own, in order', async () => {
  const { clock, turns, done } = sliced(7, 3);
  expect(turns).toEqual([[0, 1, 2]]);
  clock.advance(0);
  await done;
  expect(turns).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
});

test('few items take no further turn', async () => {
  const { turns, done } = sliced(2, 3);
  await done;
  expect(turns).toEqual([[0, 1]]);
});

test('what is thrown ends it and is told', async () => {
  const { clock, turns, done } = sliced(7, 3, (item) => {
    if (item === 4) throw new Error('no');
  });
  const told = expect(done).rejects.toThrow('no');
  clock.advance(0);
  await told;
  clock.advance(0);
  expect(turns).toEqual([
    [0, 1, 2],
    [3, 4],
  ]);
});
