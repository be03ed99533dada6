import { incarnation, logIndex, nodeId, TuttiError } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { HandBoard } from '../../testing/board-with.ts';
import { planOf } from '../../testing/plan-of.ts';
import type { BoardCommand } from './commands.ts';
import { TaskBoard } from './task-board.ts';

const n1 = { node: nodeId('n1'), incarnation: incarnation(1) };

test('sessions take turns for a slot that becomes free, also on a board that was restored in between', () => {
  const taken = (restoredAt: number) => {
    const hand = new HandBoard();
    for (const session of ['one', 'two', 'three'])
      hand.open(session, planOf(['a', 'b', 'c'].map((id) => ({ id }))));
    const order: string[] = [];
    for (let upTo = 1; upTo <= 5; upTo++) {
      if (upTo === restoredAt) hand.board.restore([...hand.board.snapshot()]);
      hand.apply({ type: 'tasks.take', holder: n1, orchestrator: 'backend', upTo });
      const held = hand.board.heldBy(n1.node, n1.incarnation).at(-1)!;
      order.push(`${held.session} ${held.record.plan.id} ${held.record.state}`);
    }
    return order;
  };
  expect(taken(0)).toEqual([
    'one a running',
    'two a running',
    'three a running',
    'one b running',
    'two b running',
  ]);
  for (const restoredAt of [1, 2, 3, 4, 5]) expect(taken(restoredAt)).toEqual(taken(0));
});

test('a take that takes effect twice gives no more than once, and none beyond the limit or to a life given up', () => {
  const hand = new HandBoard();
  hand.open(
    's',
    planOf(
      ['a', 'b', 'c', 'd'].map((id) => ({ id })),
      { limit: 2 },
    ),
  );
  const take = (upTo: number) =>
    hand.apply({ type: 'tasks.take', holder: n1, orchestrator: 'backend', upTo });
  take(1);
  take(1);
  expect(hand.board.heldCount(n1.node, n1.incarnation)).toBe(1);
  take(9);
  expect(hand.board.heldCount(n1.node, n1.incarnation)).toBe(2);
  hand.apply({ type: 'holder.lost', holder: n1, recovery: 'failover' });
  expect(() => take(1)).toThrow(TuttiError);
});

test('in a batch each command is for itself: one that is refused is named by its place and changes nothing', () => {
  const hand = new HandBoard();
  hand.open('s', planOf(['a', 'b'].map((id) => ({ id }))));
  hand.hand('s', 'n1', 'a', 'b');
  const complete = (task: string, fence: number) =>
    ({ type: 'task.complete', session: 's', task, fence, output: {} }) as const;
  const commands = [complete('a', 99), complete('b', hand.fence('s', 'b')), complete('nobody', 1)];
  const answer = hand.board.apply({ type: 'batch', commands }, { index: logIndex(9), timeMs: 9 });
  expect(answer).toMatchObject({
    refused: [
      { at: 0, code: 'TUTTI_FENCE_STALE' },
      { at: 2, code: 'TUTTI_TASK_UNKNOWN' },
    ],
  });
  expect(hand.board.summary('s')).toMatchObject({ running: 1, done: 1 });
});

test('finished sessions are forgotten when they have too many tasks in all, but never the latest', () => {
  const board = new TaskBoard({ finishedTasksKept: 5 });
  let index = 0;
  const apply = (command: BoardCommand) => board.apply(command, { index: logIndex(++index), timeMs: index });
  for (const [session, size] of [
    ['a', 2],
    ['b', 2],
    ['c', 2],
    ['d', 9],
  ] as const) {
    const plan = planOf(Array.from({ length: size }, (_, i) => ({ id: `t${i}` })));
    apply({ type: 'session.open', session, plan, mode: 'eager', folder: '' });
    apply({ type: 'session.cancel', session, reason: 'enough' });
    if (session === 'c') expect([...board.sessions()].map(({ id }) => id)).toEqual(['b', 'c']);
  }
  expect([...board.sessions()].map(({ id }) => id)).toEqual(['d']);
});
