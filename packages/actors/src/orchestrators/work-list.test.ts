import { expect, test } from 'vitest';
import { HandBoard, memberOf } from '../testing/board-with.ts';
import { planOf } from '../testing/plan-of.ts';
import { type WorkSituation, workList } from './work-list.ts';

/** Four tasks held by n1, of which the first ones have been started. */
function heldWith(started: number): HandBoard {
  const hand = new HandBoard();
  const ids = ['a', 'b', 'c', 'd'];
  hand.open('s', planOf(ids.map((id) => ({ id }))));
  hand.assign('s', 'n1', ...ids);
  for (const task of ids.slice(0, started))
    hand.apply({ type: 'task.start', session: 's', task, fence: hand.fence('s', task) });
  return hand;
}

function listOf(hand: HandBoard, changes: Partial<WorkSituation> = {}) {
  const { nodeId, incarnation } = memberOf('n1');
  const held = hand.board.heldByOrchestrator(nodeId, incarnation, 'backend');
  const nothing = new Set<number>();
  const list = workList({
    held,
    live: nothing,
    settled: nothing,
    begun: nothing,
    limitOf: () => 5,
    ...changes,
  });
  const ids = (items: typeof list.start) => items.map(({ record }) => record.plan.id);
  return { ...list, start: ids(list.start), begin: ids(list.begin), orphans: ids(list.orphans) };
}

test('what is offered is begun in the order of the fences, as far as there are slots', () => {
  expect(listOf(heldWith(0), { limitOf: () => 3 })).toEqual({
    start: ['a', 'b', 'c'],
    begin: [],
    orphans: [],
    cancel: [],
    queued: 1,
  });
});

test('what is at work already takes up its slot and is left alone', () => {
  const hand = heldWith(1);
  const live = new Set([hand.fence('s', 'a')]);
  expect(listOf(hand, { live, limitOf: () => 2 })).toMatchObject({ start: ['b'], orphans: [], queued: 2 });
});

test('what runs on the board with nobody at work was left by a crash, and takes up its slot until it is given back', () => {
  expect(listOf(heldWith(2), { limitOf: () => 3 })).toMatchObject({
    orphans: ['a', 'b'],
    start: ['c'],
    queued: 1,
  });
});

test('what is over here is not begun again while the board does not show it yet', () => {
  const hand = heldWith(1);
  const settled = new Set([hand.fence('s', 'a'), hand.fence('s', 'b')]);
  expect(listOf(hand, { settled })).toMatchObject({ orphans: [], start: ['c', 'd'] });
});

test('what was handed over running is begun once, and was left by a crash if it had been begun', () => {
  const hand = new HandBoard();
  hand.open('s', planOf(['a', 'b', 'c'].map((id) => ({ id }))));
  hand.hand('s', 'n1', 'a', 'b', 'c');
  const [a, b] = [hand.fence('s', 'a'), hand.fence('s', 'b')];
  expect(listOf(hand, { live: new Set([a]), begun: new Set([a, b]), limitOf: () => 2 })).toEqual({
    start: [],
    begin: ['c'],
    orphans: ['b'],
    cancel: [],
    queued: 0,
  });
});

test('what the board has taken away is called off', () => {
  expect(listOf(heldWith(0), { live: new Set([90]) }).cancel).toEqual([90]);
});
