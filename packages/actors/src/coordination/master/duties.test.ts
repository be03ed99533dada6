import { seededRandom } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { HandBoard, memberOf } from '../../testing/board-with.ts';
import { planOf } from '../../testing/plan-of.ts';
import { leastLoaded } from '../balancing/balancer.ts';
import { Agenda, ASK_AGAIN_MS } from './agenda.ts';
import { ALL_CAPABILITIES } from './capabilities.ts';
import { askedBy, lostHolders, type MasterSituation, masterDuties } from './duties.ts';

function dutiesOn(hand: HandBoard, changes: Partial<MasterSituation> = {}) {
  return masterDuties({
    board: hand.board,
    members: [memberOf('n1'), memberOf('n2')],
    wallTimeMs: 0,
    agenda: new Agenda(),
    policy: { capabilities: ALL_CAPABILITIES, balancer: leastLoaded, limits: {}, detect: () => [] },
    random: seededRandom(1),
    ...changes,
  });
}

/** A board with a task that failed and waits until log time 54. */
function inBackoff(): HandBoard {
  const hand = new HandBoard();
  hand.open('s', planOf([{ id: 'a' }]));
  hand.assign('s', 'n1', 'a');
  const fence = hand.fence('s', 'a');
  const problem = { code: 'TUTTI_WORK_FAILED', message: 'no' };
  hand.apply(
    { type: 'task.start', session: 's', task: 'a', fence },
    { type: 'task.fail', session: 's', task: 'a', fence, problem, retryable: true, retryInMs: 50 },
  );
  return hand;
}

test('a retry is woken when its wait is over, and not before', () => {
  const hand = inBackoff();
  expect(dutiesOn(hand, { wallTimeMs: 53 })).toEqual([]);
  expect(dutiesOn(hand, { wallTimeMs: 54 })).toEqual([{ type: 'task.wake', session: 's', task: 'a' }]);
});

test('the next retry of the same task is a new occasion, however soon it comes', () => {
  const hand = inBackoff();
  const [wake] = dutiesOn(hand, { wallTimeMs: 54 });
  const agenda = new Agenda().with(askedBy(hand.board, wake!), 0);
  expect(dutiesOn(hand, { wallTimeMs: 54, agenda })).toEqual([]);
  hand.apply({ type: 'task.wake', session: 's', task: 'a' });
  hand.assign('s', 'n1', 'a');
  const fence = hand.fence('s', 'a');
  const problem = { code: 'TUTTI_WORK_FAILED', message: 'no' };
  hand.apply({ type: 'task.fail', session: 's', task: 'a', fence, problem, retryable: true, retryInMs: 1 });
  expect(dutiesOn(hand, { wallTimeMs: 100, agenda: agenda.upToDate(hand.board, 1) })).toHaveLength(1);
});

test('a refused duty is asked for again after a while, and not at once', () => {
  const hand = inBackoff();
  const [wake] = dutiesOn(hand, { wallTimeMs: 54 });
  const agenda = new Agenda().with(askedBy(hand.board, wake!), 0);
  const later = (ms: number) => dutiesOn(hand, { wallTimeMs: 54, agenda: agenda.upToDate(hand.board, ms) });
  expect(later(ASK_AGAIN_MS - 1)).toEqual([]);
  expect(later(ASK_AGAIN_MS)).toEqual([wake]);
});

test('a proposal that did not reach the log may be made again at once', () => {
  const hand = inBackoff();
  const [wake] = dutiesOn(hand, { wallTimeMs: 54 });
  const asked = askedBy(hand.board, wake!);
  const agenda = new Agenda().with(asked, 0).without(asked.map(({ key }) => key));
  expect(dutiesOn(hand, { wallTimeMs: 54, agenda })).toEqual([wake]);
});

test('a holder is lost when its node is, has left, or lives a new life; not while it leaves', () => {
  const hand = new HandBoard();
  hand.open('s', planOf([{ id: 'a' }]));
  hand.assign('s', 'n1', 'a');
  const lost = (...members: ReturnType<typeof memberOf>[]) =>
    lostHolders(hand.board.holders(), members).length;
  expect(lost(memberOf('n1'))).toBe(0);
  expect(lost(memberOf('n1', 'leaving'))).toBe(0);
  expect(lost(memberOf('n1', 'lost'))).toBe(1);
  expect(lost(memberOf('n1', 'left'))).toBe(1);
  expect(lost(memberOf('n1', 'up', 2))).toBe(1);
  expect(lost()).toBe(1);
});

test.each([
  ['one node has room for all of it', 4, 'failover'],
  ['only several together have', 2, 'redistribute'],
] as const)('when %s the recovery is chosen by it', (_, limit, move) => {
  const hand = new HandBoard();
  const plan = planOf(
    ['a', 'b', 'c', 'd'].map((id) => ({ id })),
    { limit },
  );
  hand.open('s', plan);
  hand.assign('s', 'n1', 'a', 'b');
  hand.assign('s', 'n2', 'c');
  hand.assign('s', 'n3', 'd');
  const members = [memberOf('n1', 'lost'), memberOf('n2'), memberOf('n3')];
  expect(dutiesOn(hand, { members })[0]).toMatchObject({ type: 'holder.lost', recovery: move });
});

test('with nobody left the optional tasks are given up, and the others wait', () => {
  const hand = new HandBoard();
  hand.open('s', planOf([{ id: 'a', optional: true }, { id: 'b' }]));
  hand.assign('s', 'n1', 'a', 'b');
  expect(dutiesOn(hand, { members: [memberOf('n1', 'lost')] })).toMatchObject([
    { type: 'holder.lost', recovery: 'degrade' },
    { type: 'task.degrade', task: 'a' },
  ]);
});

test('without delegation nothing is assigned, and without coordination no barrier is resolved', () => {
  const hand = new HandBoard();
  const barrier = {
    id: 'm',
    title: 'm',
    participants: ['backend'],
    after: ['a'],
    before: ['b'],
    check: 'deployment',
  };
  hand.open('s', planOf([{ id: 'a' }, { id: 'b' }, { id: 'c' }], { barriers: [barrier] }));
  hand.assign('s', 'n1', 'a');
  const fence = hand.fence('s', 'a');
  hand.apply(
    { type: 'task.start', session: 's', task: 'a', fence },
    { type: 'task.complete', session: 's', task: 'a', fence, output: {} },
  );
  const typesWithout = (capabilities: Partial<typeof ALL_CAPABILITIES>) =>
    dutiesOn(hand, {
      policy: {
        capabilities: { ...ALL_CAPABILITIES, ...capabilities },
        balancer: leastLoaded,
        limits: {},
        detect: () => [],
      },
    }).map(({ type }) => type);
  expect(typesWithout({})).toEqual(['barrier.resolve', 'tasks.assign']);
  expect(typesWithout({ orchestrator_delegation: false })).toEqual(['barrier.resolve']);
  expect(typesWithout({ cross_orchestrator_coordination: false })).toEqual(['tasks.assign']);
});
