import { seededRandom } from '@tutti/kernel';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { HandBoard, memberOf } from '../testing/board-with.ts';
import { planOf } from '../testing/plan-of.ts';
import { handOut } from './hand-out.ts';

const NODES = ['n1', 'n2', 'n3'];
const tasksOf = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ id: `${prefix}${i}` }));

/** A board on which each node holds so many tasks, and a session of `count` new ones that nobody was asked about. */
function boardWith(held: readonly number[], count: number, limit: number) {
  const hand = new HandBoard();
  held.forEach((size, node) => {
    if (size === 0) return;
    hand.open(`old-${node}`, planOf(tasksOf('o', size), { limit }));
    hand.hand(`old-${node}`, NODES[node]!, ...tasksOf('o', size).map(({ id }) => id));
  });
  const plan = planOf(tasksOf('t', count), { limit });
  const members = held.map((_, node) => memberOf(NODES[node]!));
  const takes = handOut(hand.board, members, [plan], seededRandom(7));
  hand.open('new', plan);
  hand.apply(...takes);
  const after = held.map((_, node) => hand.board.laneLoad('backend', memberOf(NODES[node]!).nodeId));
  return { hand, takes, after };
}

test('new tasks fill free slots as evenly as one by one to the least busy, and never beyond the limit', () => {
  const situations = fc.record({
    held: fc.array(fc.nat(6), { minLength: 1, maxLength: 3 }),
    count: fc.integer({ min: 1, max: 20 }),
    limit: fc.integer({ min: 6, max: 9 }),
  });
  fc.assert(
    fc.property(situations, ({ held, count, limit }) => {
      const { after } = boardWith(held, count, limit);
      const twin = [...held];
      for (let i = 0; i < count; i++) {
        const least = Math.min(...twin);
        if (least < limit) twin[twin.indexOf(least)]!++;
      }
      const ascending = (sizes: readonly number[]) => [...sizes].sort((a, b) => a - b);
      expect(ascending(after.map((load) => load.held))).toEqual(ascending(twin));
      expect(after.every(({ held: now, running }) => now === running)).toBe(true);
    }),
  );
});

test('one new task is one take, and not of the same node each time', () => {
  const hand = new HandBoard();
  const random = seededRandom(3);
  const members = NODES.map((node) => memberOf(node));
  const plan = planOf([{ id: 'a' }]);
  const nodes = Array.from({ length: 50 }, () => handOut(hand.board, members, [plan], random));
  expect(nodes.every((takes) => takes.length === 1)).toBe(true);
  expect(new Set(nodes.map(([take]) => take!.holder.node)).size).toBe(3);
});

test('nothing is asked for tasks that need others, for members that leave, or where others wait already', () => {
  const hand = new HandBoard();
  const random = seededRandom(1);
  const ask = (plan: ReturnType<typeof planOf>, ...members: ReturnType<typeof memberOf>[]) =>
    handOut(hand.board, members, [plan], random);
  const two = planOf([{ id: 'a' }, { id: 'b', needs: ['a'] }]);
  expect(ask(two, memberOf('n1')).map(({ upTo }) => upTo)).toEqual([1]);
  expect(ask(two, memberOf('n1', 'leaving'), memberOf('n2')).map(({ holder }) => holder.node)).toEqual([
    'n2',
  ]);
  expect(ask(two)).toEqual([]);
  hand.open('waiting', planOf([{ id: 'w' }]));
  expect(ask(two, memberOf('n1'))).toEqual([]);
});

test('a plan of any width is handed out in bounded pieces', () => {
  const hand = new HandBoard();
  const wide = planOf(tasksOf('t', 5_000), { limit: 5_000 });
  const takes = handOut(hand.board, [memberOf('n1')], [wide], seededRandom(1));
  expect(takes.map(({ upTo }) => upTo)).toEqual([1_024]);
  const many = planOf(tasksOf('t', 200).map(({ id }) => ({ id, orchestrator: id })));
  expect(handOut(hand.board, [memberOf('n1')], [many], seededRandom(1))).toHaveLength(64);
  const wideCluster = Array.from({ length: 50 }, (_, i) => memberOf(`n${i}`));
  const three = planOf(tasksOf('t', 300).map(({ id }, i) => ({ id, orchestrator: `o${i % 3}` })));
  expect(handOut(hand.board, wideCluster, [three], seededRandom(1))).toHaveLength(64);
});

test('what several bring is handed out as one, each orchestrator up to the limit that allows most', () => {
  const hand = new HandBoard();
  const members = NODES.map((node) => memberOf(node));
  const plans = Array.from({ length: 20 }, (_, i) => planOf([{ id: 'a' }], { limit: i === 0 ? 4 : 2 }));
  const takes = handOut(hand.board, members, plans, seededRandom(1));
  expect(takes.map(({ upTo }) => upTo)).toEqual([4, 4, 4]);
  plans.forEach((plan, at) => hand.open(`s${at}`, plan));
  hand.apply(...takes);
  const held = NODES.map((node) => hand.board.laneLoad('backend', memberOf(node).nodeId).held);
  expect(held.every((count) => count >= 2 && count <= 3)).toBe(true);
});

test('chance alone decides between nodes that are as busy, whatever stands beside them', () => {
  const hand = new HandBoard();
  hand.open('old', planOf([{ id: 'o' }]));
  hand.hand('old', 'n3', 'o');
  const random = seededRandom(5);
  const members = NODES.map((node) => memberOf(node));
  const chosen = Array.from(
    { length: 600 },
    () => handOut(hand.board, members, [planOf([{ id: 'a' }])], random)[0]!.holder.node,
  );
  const first = chosen.filter((node) => node === 'n1').length;
  expect(chosen).not.toContain('n3');
  expect(Math.abs(first - 300)).toBeLessThan(60);
});

test('what one orchestrator takes makes its node busier for the next', () => {
  const hand = new HandBoard();
  const random = seededRandom(2);
  const members = [memberOf('n1'), memberOf('n2')];
  const two = planOf([{ id: 'a' }, { id: 'b', orchestrator: 'frontend' }]);
  for (let i = 0; i < 20; i++) {
    const nodes = handOut(hand.board, members, [two], random).map(({ holder }) => holder.node);
    expect(new Set(nodes).size).toBe(2);
  }
});

test('a node that began anew is asked beyond what its life before still holds, as the take counts', () => {
  const hand = new HandBoard();
  hand.open('old', planOf(tasksOf('o', 2)));
  hand.hand('old', 'n1', 'o0', 'o1');
  const takes = handOut(hand.board, [memberOf('n1', 'up', 2)], [planOf([{ id: 'a' }])], seededRandom(1));
  expect(takes.map(({ upTo }) => upTo)).toEqual([3]);
});

test('tasks behind a barrier, and what is no task at all, ask for nothing', () => {
  const hand = new HandBoard();
  const barriers = [{ id: 'm', title: 'm', participants: ['backend'], after: ['a'], before: ['b', 'c'] }];
  const plan = planOf([{ id: 'a' }, { id: 'b' }, { id: 'c' }], { barriers });
  const ask = (tasks: unknown) =>
    handOut(hand.board, [memberOf('n1')], [{ ...plan, tasks: tasks as never }], seededRandom(1));
  expect(ask(plan.tasks).map(({ upTo }) => upTo)).toEqual([1]);
  const [good] = plan.tasks;
  const { needs: _, ...without } = good!;
  expect(ask([without, null, 7, {}, { ...good, orchestrator: 7 }, good]).map(({ upTo }) => upTo)).toEqual([
    1,
  ]);
});
