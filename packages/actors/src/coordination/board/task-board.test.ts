import { canonicalJson, incarnation, isTuttiError, logIndex, nodeId } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { Plan } from '../../engines/workflow/plan.ts';
import { smallPlan, smallTask } from '../../testing/small-plans.ts';
import type { Assigned, BoardCommand } from './commands.ts';
import type { SessionRecord } from './state.ts';
import { TaskBoard, type TaskBoardOptions } from './task-board.ts';

const n1 = { node: nodeId('n1'), incarnation: incarnation(1) };
const n2 = { node: nodeId('n2'), incarnation: incarnation(1) };

/** A board on which each command comes 10 ms after the last, the first at 1,000. */
class Play {
  readonly board: TaskBoard;
  #index = 0;

  constructor(options?: TaskBoardOptions) {
    this.board = new TaskBoard(options);
  }

  do(command: BoardCommand): unknown {
    this.#index++;
    return this.board.apply(command, { index: logIndex(this.#index), timeMs: 990 + this.#index * 10 });
  }

  open(plan: Plan, session = 's', mode: 'eager' | 'wave' = 'eager'): this {
    this.do({ type: 'session.open', session, plan, mode, folder: '' });
    return this;
  }

  assign(task: string, holder = n1, session = 's'): number {
    const [given] = this.do({
      type: 'tasks.assign',
      session,
      assignments: [{ task, ...holder, why: 'least loaded' }],
    }) as Assigned[];
    if (given && 'fence' in given) return given.fence;
    throw new Error(`${task} was refused: ${given?.refused.code}`);
  }

  /** Assigns, starts and completes. */
  finish(task: string, session = 's'): void {
    const fence = this.assign(task, n1, session);
    this.do({ type: 'task.start', session, task, fence });
    this.do({ type: 'task.complete', session, task, fence, output: { task } });
  }

  refusal(command: BoardCommand): string {
    try {
      this.do(command);
    } catch (thrown) {
      if (isTuttiError(thrown)) return thrown.code;
      throw thrown;
    }
    return 'accepted';
  }
}

const problem = { code: 'TUTTI_TIMEOUT', message: 'too slow' };

test('a session opened twice with the same plan is one session, and with another plan is refused', () => {
  const plan = smallPlan([smallTask('a')]);
  const play = new Play().open(plan);
  const again: BoardCommand = { type: 'session.open', session: 's', plan, mode: 'eager', folder: '' };
  expect(play.do(again)).toMatchObject({ created: false, tasks: 1, levels: 1 });
  expect(play.refusal({ ...again, mode: 'wave' })).toBe('TUTTI_SESSION_EXISTS');
  expect(play.refusal({ ...again, plan: smallPlan([smallTask('b')]) })).toBe('TUTTI_SESSION_EXISTS');
});

test('values that JSON has no word for are compared, and come back from a snapshot', () => {
  const planWith = (euros: bigint) => smallPlan([smallTask('a', { with: { euros } })]);
  const play = new Play().open(planWith(12n)).open(planWith(12n));
  const other: BoardCommand = {
    type: 'session.open',
    session: 's',
    plan: planWith(13n),
    mode: 'eager',
    folder: '',
  };
  expect(play.refusal(other)).toBe('TUTTI_SESSION_EXISTS');
  const restored = new TaskBoard();
  restored.restore([...play.board.snapshot()]);
  expect(restored.session('s')!.tasks.get('a')!.plan.with).toEqual({ euros: 12n });
});

test('a snapshot counts no late result that came after it was asked for, also of a session that is over', () => {
  const play = new Play().open(smallPlan([smallTask('a')])).open(smallPlan([smallTask('a')]), 't');
  const late = [
    { session: 's', task: 'a', fence: play.assign('a', n1, 's') },
    { session: 't', task: 'a', fence: play.assign('a', n1, 't') },
  ];
  play.do({ type: 'session.cancel', session: 's', reason: 'enough' });
  play.do({ type: 'task.return', ...late[1]!, reason: 'enough' });
  const before = JSON.stringify([...play.board.snapshot()]);
  const parts = play.board.snapshot();
  for (const attempt of late)
    expect(play.refusal({ type: 'task.complete', ...attempt, output: 1 })).toBe('TUTTI_FENCE_STALE');
  expect(play.board.session('s')!.staleResults).toBe(1);
  expect(JSON.stringify([...parts])).toBe(before);
});

test('a session that is closed is still the wish that it was opened with, and no other', () => {
  const plan = smallPlan([smallTask('a')]);
  for (const type of ['session.open', 'session.begin'] as const) {
    const play = new Play();
    const opening = { session: 's', plan, mode: 'eager', folder: '' } as const;
    const other = type === 'session.open' ? 'session.begin' : 'session.open';
    play.do({ type, ...opening });
    const checkBoth = () => {
      expect(play.do({ type, ...opening })).toMatchObject({ created: false });
      expect(play.refusal({ type: other, ...opening })).toBe('TUTTI_SESSION_EXISTS');
    };
    play.do({ type: 'session.close', session: 's' });
    checkBoth();
    play.board.restore(JSON.parse(JSON.stringify([...play.board.snapshot()])) as unknown[]);
    checkBoth();
    play.finish('a');
    expect(play.board.session('s')!.state).toBe('done');
    checkBoth();
  }
});

test('a session that would stay open in waves is refused, since nothing could be added to it', () => {
  const play = new Play();
  const begin = {
    type: 'session.begin',
    session: 's',
    plan: smallPlan([smallTask('a')]),
    folder: '',
  } as const;
  expect(play.refusal({ ...begin, mode: 'wave' })).toBe('TUTTI_SESSION_IN_WAVES');
  expect(play.board.session('s')).toBeUndefined();
  expect(play.do({ ...begin, mode: 'eager' })).toMatchObject({ created: true });
});

test('a holder that was given up cannot write, and its task runs elsewhere with a higher fence and all its tries', () => {
  const play = new Play().open(smallPlan([smallTask('a')]));
  const old = play.assign('a');
  play.do({ type: 'task.start', session: 's', task: 'a', fence: old });
  expect(play.do({ type: 'holder.lost', holder: n1, recovery: 'failover' })).toEqual({
    requeued: [{ session: 's', task: 'a' }],
  });
  const fence = play.assign('a', n2);
  expect(fence).toBeGreaterThan(old);
  expect(play.refusal({ type: 'task.complete', session: 's', task: 'a', fence: old, output: 1 })).toBe(
    'TUTTI_FENCE_STALE',
  );
  const session = play.board.session('s')!;
  expect(session.staleResults).toBe(1);
  expect(session.tasks.get('a')).toMatchObject({ state: 'assigned', failures: 0, attemptCount: 2 });
  expect(session.recoveries).toMatchObject([{ node: 'n1', move: 'failover', tasks: ['a'] }]);
});

test('nothing is assigned to a life that was given up, but the next life of the same node is welcome', () => {
  const play = new Play().open(smallPlan([smallTask('a')]));
  play.do({ type: 'holder.lost', holder: n1, recovery: 'failover' });
  expect(() => play.assign('a')).toThrow('TUTTI_HOLDER_LOST');
  expect(play.assign('a', { ...n1, incarnation: incarnation(2) })).toBe(1);
});

test('a completion repeated with the winning fence changes nothing and is no stale result', () => {
  const play = new Play().open(smallPlan([smallTask('a'), smallTask('b')]));
  play.finish('a');
  play.finish('b');
  const before = canonicalJson([...play.board.snapshot()]);
  play.do({ type: 'task.complete', session: 's', task: 'a', fence: 1, output: { other: true } });
  expect(canonicalJson([...play.board.snapshot()])).toBe(before);
  expect(play.board.session('s')!.tasks.get('a')).toMatchObject({ output: { task: 'a' }, completions: 1 });
});

test('an orchestrator starts no more tasks on one node than its limit, however many it was given', () => {
  const tasks = ['a', 'b'].map((id) => smallTask(id));
  const play = new Play().open({
    ...smallPlan(tasks),
    orchestrators: [{ id: 'backend', maxConcurrentTasks: 1 }],
  });
  const [a, b] = [play.assign('a'), play.assign('b')];
  play.do({ type: 'task.start', session: 's', task: 'a', fence: a });
  expect(play.refusal({ type: 'task.start', session: 's', task: 'b', fence: b })).toBe(
    'TUTTI_ORCHESTRATOR_FULL',
  );
  play.do({ type: 'task.complete', session: 's', task: 'a', fence: a, output: 1 });
  expect(play.refusal({ type: 'task.start', session: 's', task: 'b', fence: b })).toBe('accepted');
});

test('the record of a session says the limit of each orchestrator by its own plan, and none for another', () => {
  const play = new Play();
  for (const [session, maxConcurrentTasks] of [['s', 2] as const, ['t', 7] as const])
    play.open(
      { ...smallPlan([smallTask('a')]), orchestrators: [{ id: 'backend', maxConcurrentTasks }] },
      session,
    );
  const limitIn = (session: string, orchestrator = 'backend') => {
    const record: SessionRecord = play.board.session(session)!;
    return record.limitOf(orchestrator);
  };
  expect([limitIn('s'), limitIn('t'), limitIn('t', 'frontend')]).toEqual([2, 7, 0]);
  const copy = new TaskBoard();
  copy.restore([...play.board.snapshot()]);
  expect(copy.session('t')!.limitOf('backend')).toBe(7);
});

test('a task that fails for good fails the session, names the problem, and takes the fences of its siblings', () => {
  const once = { attemptsMax: 1, backoff: {} };
  const play = new Play().open(smallPlan([smallTask('a', { retry: once }), smallTask('b')]));
  const [a, b] = [play.assign('a'), play.assign('b')];
  play.do({ type: 'task.start', session: 's', task: 'b', fence: b });
  play.do({ type: 'task.fail', session: 's', task: 'a', fence: a, problem, retryable: true, retryInMs: 5 });
  const session = play.board.session('s')!;
  expect(session).toMatchObject({ state: 'failed', problem: { code: 'TUTTI_TASK_FAILED' } });
  expect(session.problem?.message).toContain(
    '"a" failed for good after 1 of 1 attempts: TUTTI_TIMEOUT too slow',
  );
  expect(session.tasks.get('b')).toMatchObject({ state: 'cancelled', attempts: [{ outcome: 'cancelled' }] });
  expect(play.refusal({ type: 'task.complete', session: 's', task: 'b', fence: b, output: 1 })).toBe(
    'TUTTI_FENCE_STALE',
  );
});

test('a failed optional task is degraded, and what needs it goes on without its output', () => {
  const plan = smallPlan([smallTask('a', { optional: true }), smallTask('b', { needs: ['a'] })]);
  const play = new Play().open(plan);
  const fence = play.assign('a');
  play.do({ type: 'task.fail', session: 's', task: 'a', fence, problem, retryable: false, retryInMs: 0 });
  expect(play.board.session('s')!.tasks.get('a')).toMatchObject({
    state: 'degraded',
    output: undefined,
    reason: 'too slow',
  });
  play.finish('b');
  expect(play.board.session('s')!.state).toBe('done');
  const copy = new TaskBoard();
  copy.restore(play.board.snapshot());
  expect(copy.session('s')!.tasks.get('a')!.reason).toBe('too slow');
});

test('a barrier with a check holds its tasks until it is resolved, and a conflict fails the session naming both sides', () => {
  const tasks = [
    smallTask('api'),
    smallTask('ui', { orchestrator: 'frontend' }),
    smallTask('later', { needs: ['api'] }),
  ];
  const barrier = {
    id: 'b',
    title: 'Contract',
    participants: ['backend', 'frontend'],
    check: 'api-contract',
  };
  const plan = smallPlan(tasks, [{ ...barrier, after: ['api', 'ui'], before: ['later'] }]);
  const sides = [
    { orchestrator: 'frontend', task: 'ui', value: 1 },
    { orchestrator: 'backend', task: 'api', value: 2 },
  ] as const;
  const conflict = { check: 'api-contract', subject: 'GET /cart', sides, explanation: 'no such path' };
  const resolve: BoardCommand = {
    type: 'barrier.resolve',
    session: 's',
    barrier: 'b',
    generation: 1,
    conflicts: [],
  };

  const play = new Play().open(plan);
  play.finish('api');
  expect(play.board.session('s')!.barriers.get('b')!.arrivals).toEqual(new Map([['backend', 1_030]]));
  expect(play.refusal(resolve)).toBe('TUTTI_BARRIER_NOT_FULL');
  play.finish('ui');
  expect(play.board.fullBarriers('s').map(({ id }) => id)).toEqual(['b']);
  expect([...play.board.readyTasks('s')]).toEqual([]);
  play.do({ ...resolve, conflicts: [conflict] });
  const session = play.board.session('s')!;
  expect(session.state).toBe('failed');
  expect(session.problem).toEqual({
    code: 'TUTTI_BARRIER_CONFLICT',
    message: 'At the barrier "b", frontend (ui) and backend (api) disagree about GET /cart: no such path',
  });
  expect(session.barriers.get('b')).toMatchObject({ state: 'conflict', conflicts: [conflict] });
});

test('finished sessions are kept up to the bound, and the one that ended first goes first', () => {
  const play = new Play({ finishedKept: 2 });
  const plan = smallPlan([smallTask('a')]);
  for (const id of ['s1', 's2', 's3', 's4']) play.open(plan, id);
  for (const id of ['s3', 's1', 's2']) play.finish('a', id);
  expect([...play.board.sessions()].map(({ id }) => id)).toEqual(['s1', 's2', 's4']);
  expect(play.refusal({ type: 'session.cancel', session: 's3', reason: 'late' })).toBe(
    'TUTTI_SESSION_UNKNOWN',
  );
});

test('one more session than the bound is refused, and taken when another has ended', () => {
  const play = new Play({ openMax: 1 });
  const plan = smallPlan([smallTask('a')]);
  play.open(plan, 's1');
  expect(play.refusal({ type: 'session.open', session: 's2', plan, mode: 'eager', folder: '' })).toBe(
    'TUTTI_OVERLOADED',
  );
  play.finish('a', 's1');
  expect(play.open(plan, 's2').board.session('s2')?.state).toBe('running');
});

test('the journal keeps the latest steps up to its bound, and counts what it dropped', () => {
  const play = new Play({ journalLimit: 3 }).open(
    smallPlan([smallTask('a'), smallTask('b', { needs: ['a'] })]),
  );
  play.finish('a');
  const journal = play.board.journal('s')!;
  expect([...journal].map(({ task, from, to }) => `${task} ${from} ${to}`)).toEqual([
    'a assigned running',
    'a running done',
    'b waiting ready',
  ]);
  expect(journal.dropped).toBe(2);
});

test('a task remembers a bounded number of attempts, however often its node is lost', () => {
  const play = new Play().open(smallPlan([smallTask('a')]));
  for (let life = 1; life <= 40; life++) {
    const holder = { ...n1, incarnation: incarnation(life) };
    play.assign('a', holder);
    play.do({ type: 'holder.lost', holder, recovery: 'failover' });
  }
  const record = play.board.session('s')!.tasks.get('a')!;
  expect(record.attempts).toHaveLength(32);
  expect(record.attempts.at(-1)).toMatchObject({ number: 40, outcome: 'lost' });
});

test('a task that takes every node with it that runs it is given to no more of them', () => {
  const play = new Play().open(smallPlan([smallTask('a'), smallTask('b')]));
  for (let life = 1; life <= 10; life++) {
    expect(play.board.session('s')!.tasks.get('a')!.state).toBe('ready');
    const holder = { ...n1, incarnation: incarnation(life) };
    const fence = play.assign('a', holder);
    play.do({ type: 'task.start', session: 's', task: 'a', fence });
    play.assign('b', holder);
    play.do({ type: 'holder.lost', holder, recovery: 'failover' });
  }
  const session = play.board.session('s')!;
  expect(session.tasks.get('a')!.state).toBe('failed');
  expect(session).toMatchObject({ state: 'failed', problem: { code: 'TUTTI_TASK_FAILED' } });
  expect(session.problem!.message).toContain('TUTTI_TASK_FELLS_NODES');
  expect(session.tasks.get('b')!.state).toBe('cancelled');
});

test('a snapshot shows the moment it was taken, however late its parts are read', () => {
  const play = new Play().open(smallPlan([smallTask('a'), smallTask('b', { needs: ['a'] })]));
  const fence = play.assign('a');
  const [now, later] = [play.board.snapshot(), play.board.snapshot()];
  const before = canonicalJson([...now]);
  play.do({ type: 'task.start', session: 's', task: 'a', fence });
  play.do({ type: 'task.complete', session: 's', task: 'a', fence, output: 1 });
  expect(canonicalJson([...later])).toBe(before);
});

test('a snapshot comes in parts below 64 KiB, also when one output is larger than that', () => {
  const tasks = Array.from({ length: 500 }, (_, at) => smallTask(`task-${at}`));
  const play = new Play().open(smallPlan([...tasks, smallTask('big')]));
  const fence = play.assign('big');
  play.do({ type: 'task.start', session: 's', task: 'big', fence });
  const output = 'x'.repeat(200_000);
  play.do({ type: 'task.complete', session: 's', task: 'big', fence, output });
  const parts = [...play.board.snapshot()];
  for (const part of parts) expect(JSON.stringify(part).length).toBeLessThan(65_536);
  const copy = new TaskBoard();
  copy.restore(parts);
  expect(copy.session('s')!.tasks.get('big')!.output).toBe(output);
});

test('a snapshot with parts missing, or of another version, is refused and leaves the board as it was', () => {
  const play = new Play().open(smallPlan([smallTask('a')]));
  const parts = [...play.board.snapshot()];
  const before = canonicalJson(parts);
  for (const damaged of [
    parts.slice(0, -1),
    parts.slice(1),
    [{ kind: 'board', items: [{ version: 99 }] }, parts.at(-1)],
    [7],
  ])
    expect(() => play.board.restore(damaged)).toThrow('The snapshot of the task board cannot be restored');
  expect(canonicalJson([...play.board.snapshot()])).toBe(before);
});

test('nonsense is refused with a code and changes nothing, so that no node stops over it', () => {
  const plan = smallPlan([smallTask('a')]);
  const play = new Play().open(plan);
  const before = canonicalJson([...play.board.snapshot()]);
  const open = { type: 'session.open', session: 'x', plan, mode: 'eager', folder: '' };
  const nonsense: unknown[] = [
    undefined,
    'task.start',
    { type: 'toString' },
    { type: 'task.start', session: 's', task: 'a' },
    { type: 'task.fail', session: 's', task: 'a', fence: 1, problem, retryable: true, retryInMs: Number.NaN },
    { type: 'holder.lost', holder: 'n1', recovery: 'failover' },
    { ...open, mode: 'sideways' },
    { ...open, plan: { ...plan, tasks: [{ id: 'a' }] } },
    { ...open, plan: { ...plan, tasks: undefined } },
  ];
  for (const command of nonsense)
    expect(() => play.board.apply(command, { index: logIndex(99), timeMs: 0 })).toThrow(
      'not a command of the task board',
    );
  const cyclic = smallPlan([smallTask('a', { needs: ['b'] }), smallTask('b', { needs: ['a'] })]);
  expect(play.refusal({ type: 'session.open', session: 'x', plan: cyclic, mode: 'eager', folder: '' })).toBe(
    'TUTTI_PLAN_CYCLE',
  );
  expect(canonicalJson([...play.board.snapshot()])).toBe(before);
});
