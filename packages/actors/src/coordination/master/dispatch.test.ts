import { incarnation, nodeId, seededRandom } from '@tutti/kernel';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { HandBoard, memberOf } from '../../testing/board-with.ts';
import { planOf } from '../../testing/plan-of.ts';
import { leastLoaded } from '../balancing/balancer.ts';
import { type DispatchSituation, dispatch } from './dispatch.ts';

const tasks = (count: number, orchestrator = 'backend', prefix = 't') =>
  Array.from({ length: count }, (_, i) => ({ id: `${prefix}${i}`, orchestrator }));

function dispatchOn(hand: HandBoard, changes: Partial<DispatchSituation> = {}) {
  return dispatch({
    board: hand.board,
    members: [memberOf('n1'), memberOf('n2')],
    pending: [],
    limits: {},
    balancer: leastLoaded,
    random: seededRandom(1),
    ...changes,
  });
}

const given = (commands: ReturnType<typeof dispatchOn>) =>
  commands.flatMap(({ session, assignments }) =>
    assignments.map(({ task, node }) => `${session}/${task}@${node}`),
  );

test('ready tasks fill the free slots of all nodes, one proposal for a session', () => {
  const hand = new HandBoard();
  hand.open('s', planOf(tasks(7), { limit: 2 }));
  const commands = dispatchOn(hand);
  expect(commands).toHaveLength(1);
  const nodes = commands[0]!.assignments.map(({ node }) => node).sort();
  expect(nodes).toEqual(['n1', 'n1', 'n2', 'n2']);
});

test('what a node holds already takes up its slots', () => {
  const hand = new HandBoard();
  hand.open('s', planOf(tasks(7), { limit: 2 }));
  hand.assign('s', 'n1', 't0', 't1');
  expect(given(dispatchOn(hand))).toEqual(['s/t2@n2', 's/t3@n2']);
});

test('what was proposed and does not show yet takes up slots, and is not proposed again', () => {
  const hand = new HandBoard();
  hand.open('s', planOf(tasks(7), { limit: 2 }));
  const life = { node: nodeId('n1'), incarnation: incarnation(1), session: 's', orchestrator: 'backend' };
  const pending = [
    { ...life, task: 't0' },
    { ...life, task: 't1' },
  ];
  expect(given(dispatchOn(hand, { pending }))).toEqual(['s/t2@n2', 's/t3@n2']);
});

test('only members that are up get anything', () => {
  const hand = new HandBoard();
  hand.open('s', planOf(tasks(2)));
  const members = [memberOf('n1', 'leaving'), memberOf('n2', 'lost'), memberOf('n3', 'left')];
  expect(dispatchOn(hand, { members })).toEqual([]);
});

test('sessions take turns for the slots of one orchestrator', () => {
  const hand = new HandBoard();
  hand.open('one', planOf(tasks(9), { limit: 2 }));
  hand.open('two', planOf(tasks(9), { limit: 2 }));
  expect(given(dispatchOn(hand)).map((text) => text.split('/')[0])).toEqual(['one', 'one', 'two', 'two']);
});

test('an orchestrator that is full does not hold up another', () => {
  const hand = new HandBoard();
  hand.open('s', planOf([...tasks(3), ...tasks(1, 'frontend', 'u')], { limit: 1 }));
  hand.assign('s', 'n1', 't0');
  hand.assign('s', 'n2', 't1');
  const [only, ...more] = given(dispatchOn(hand));
  expect(only).toMatch(/^s\/u0@/);
  expect(more).toEqual([]);
});

test('an assignment says why its node was chosen', () => {
  const hand = new HandBoard();
  hand.open('s', planOf(tasks(1)));
  expect(dispatchOn(hand)[0]!.assignments[0]!.why).toMatch(/^least loaded: 0 of 5 slots on n[12] in use/);
});

test('no limit is ever passed, and with room left and tasks ready something is always given', () => {
  const limits = fc.record({
    tasksMax: fc.integer({ min: 1, max: 12 }),
    tasksPerNodeMax: fc.integer({ min: 1, max: 6 }),
  });
  fc.assert(
    fc.property(
      limits,
      fc.integer({ min: 1, max: 4 }),
      fc.nat(10),
      fc.nat(10),
      fc.nat(),
      (bounds, limit, a, b, seed) => {
        const hand = new HandBoard();
        const plan = planOf([...tasks(a + 1), ...tasks(b + 1, 'frontend', 'u')], { limit });
        hand.open('s', plan);
        const commands = dispatchOn(hand, { limits: bounds, random: seededRandom(seed) });
        const count = new Map<string, number>();
        const add = (key: string) => count.set(key, (count.get(key) ?? 0) + 1);
        for (const { task, node } of commands.flatMap(({ assignments }) => assignments)) {
          add(`${node} ${task.startsWith('t') ? 'backend' : 'frontend'}`);
          add(node);
          add('all');
        }
        for (const node of ['n1', 'n2']) {
          expect(count.get(`${node} backend`) ?? 0).toBeLessThanOrEqual(limit);
          expect(count.get(`${node} frontend`) ?? 0).toBeLessThanOrEqual(limit);
          expect(count.get(node) ?? 0).toBeLessThanOrEqual(bounds.tasksPerNodeMax);
        }
        expect(count.get('all') ?? 0).toBeLessThanOrEqual(bounds.tasksMax);
        expect(count.get('all') ?? 0).toBeGreaterThan(0);
      },
    ),
    { numRuns: 100 },
  );
});

test('what is given at once is bounded, in tasks and in what their names come to', () => {
  const many = new HandBoard();
  many.open('s', planOf(tasks(3_000), { limit: 3_000 }));
  expect(given(dispatchOn(many))).toHaveLength(1_024);
  const long = new HandBoard();
  long.open('s', planOf(tasks(300, 'backend', 'x'.repeat(10_000)), { limit: 3_000 }));
  expect(given(dispatchOn(long)).length).toBeLessThan(30);
});
