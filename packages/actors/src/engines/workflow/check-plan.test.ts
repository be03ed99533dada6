import { type ErrorCode, TuttiError } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { smallPlan, smallTask } from '../../testing/small-plans.ts';
import { type CheckOptions, checkPlan } from './check-plan.ts';
import type { Plan, SourceMap } from './plan.ts';

interface Told {
  readonly code: ErrorCode;
  readonly message: string;
  readonly at: string;
}

function problemsOf(plan: Plan, sourceMap?: SourceMap, options?: CheckOptions): readonly Told[] {
  try {
    checkPlan(plan, sourceMap, options);
  } catch (thrown) {
    if (!(thrown instanceof TuttiError)) throw thrown;
    const problems = thrown.details['problems'] as readonly Told[];
    expect(problems[0]).toMatchObject({ code: thrown.code, message: thrown.message });
    return problems;
  }
  return [];
}

const codes = (plan: Plan, options?: CheckOptions) =>
  problemsOf(plan, undefined, options).map((problem) => problem.code);

const meeting = { id: 'contract', title: 'Contract', participants: ['backend', 'frontend'] };

test('a circle of tasks is refused with its path, each task needing the next', () => {
  const plan = smallPlan([
    smallTask('A', { needs: ['B'] }),
    smallTask('B', { needs: ['C'] }),
    smallTask('C', { needs: ['A'] }),
    smallTask('D', { needs: ['A'] }),
  ]);
  const [problem, ...others] = problemsOf(plan);
  expect(problem?.code).toBe('TUTTI_PLAN_CYCLE');
  expect(problem?.message).toContain('A -> B -> C -> A');
  expect(others).toEqual([]);
});

test('two separate circles are both told', () => {
  const plan = smallPlan([
    smallTask('A', { needs: ['B'] }),
    smallTask('B', { needs: ['A'] }),
    smallTask('C', { needs: ['D'] }),
    smallTask('D', { needs: ['C'] }),
  ]);
  expect(problemsOf(plan).map(({ message }) => /: (\w -> .*)$/.exec(message)?.[1])).toEqual([
    'A -> B -> A',
    'C -> D -> C',
  ]);
});

test('a missing need names the task that was probably meant, and is not taken for a circle', () => {
  const plan = smallPlan([smallTask('cart-api'), smallTask('cart-ui', { needs: ['cart-apo'] })]);
  const [problem] = problemsOf(plan);
  expect(problem?.code).toBe('TUTTI_PLAN_NEED_MISSING');
  expect(problem?.message).toContain('did you mean "cart-api"?');
  expect(problemsOf(plan)).toHaveLength(1);
});

test('a name that resembles nothing gets no suggestion', () => {
  const plan = smallPlan([smallTask('cart-api'), smallTask('cart-ui', { needs: ['inventory'] })]);
  expect(problemsOf(plan)[0]?.message).not.toContain('did you mean');
});

test('every problem of a plan is told at once, the first being thrown', () => {
  const plan: Plan = {
    ...smallPlan([
      smallTask('A', { needs: ['A'] }),
      smallTask('B', { needs: ['C', 'C'] }),
      smallTask('C', { retry: { attemptsMax: 0, backoff: {} }, timeoutMs: Number.NaN, estimateMs: -1 }),
      smallTask('C'),
      smallTask('D', { orchestrator: 'backned' }),
    ]),
    orchestrators: [
      { id: 'backend', maxConcurrentTasks: 1 },
      { id: 'backend', maxConcurrentTasks: 0.5 },
    ],
  };
  expect(codes(plan).toSorted()).toEqual([
    'TUTTI_PLAN_NEED_DUPLICATE',
    'TUTTI_PLAN_ORCHESTRATOR_DUPLICATE',
    'TUTTI_PLAN_ORCHESTRATOR_UNKNOWN',
    'TUTTI_PLAN_SELF_NEED',
    'TUTTI_PLAN_TASK_DUPLICATE',
    'TUTTI_PLAN_VALUE_INVALID',
    'TUTTI_PLAN_VALUE_INVALID',
    'TUTTI_PLAN_VALUE_INVALID',
    'TUTTI_PLAN_VALUE_INVALID',
  ]);
});

test('problems say where they stand when a source map knows it', () => {
  const plan = smallPlan([smallTask('A'), smallTask('B', { needs: ['A', 'Z'] })]);
  const asked: unknown[] = [];
  const [problem] = problemsOf(plan, (path) => {
    asked.push(path);
    return { file: 'plan.yaml', line: 7, column: 12 };
  });
  expect(asked).toEqual([['tasks', 'B', 'needs', 1]]);
  expect(problem).toMatchObject({ at: 'plan.yaml:7:12' });
  expect(problem?.message).toMatch(/^plan\.yaml:7:12: /);
});

test('a barrier whose after depends on its own before can never fill, and is refused with the way round', () => {
  const plan = smallPlan(
    [
      smallTask('api', { needs: ['ui'] }),
      smallTask('ui', { orchestrator: 'frontend' }),
      smallTask('mock', { orchestrator: 'frontend' }),
    ],
    [{ ...meeting, after: ['api', 'mock'], before: ['ui'] }],
  );
  const [problem] = problemsOf(plan);
  expect(problem?.code).toBe('TUTTI_PLAN_BARRIER_NEVER_FILLS');
  expect(problem?.message).toContain('barrier:contract -> api -> ui -> barrier:contract');
});

test('two barriers that wait for each other are refused', () => {
  const tasks = [smallTask('a'), smallTask('b')];
  const plan = smallPlan(tasks, [
    { ...meeting, id: 'one', participants: ['backend'], after: ['a'], before: ['b'] },
    { ...meeting, id: 'two', participants: ['backend'], after: ['b'], before: ['a'] },
  ]);
  expect(codes(plan)).toEqual(['TUTTI_PLAN_BARRIER_NEVER_FILLS']);
});

test('a barrier is refused for strangers, idlers, unknown tasks and unknown checks', () => {
  const tasks = [smallTask('api'), smallTask('ui', { orchestrator: 'frontend' }), smallTask('db')];
  const barrier = { ...meeting, after: ['api'], before: ['ui'], check: 'api-contract' };
  const of = (fields: object) =>
    codes(smallPlan(tasks, [{ ...barrier, ...fields }]), { detectors: ['api-contract'] });
  expect(of({ participants: ['backend'] })).toEqual([]);
  expect(of({})).toEqual(['TUTTI_PLAN_BARRIER_PARTICIPANT_IDLE']);
  expect(of({ participants: [] })).toEqual(['TUTTI_PLAN_BARRIER_EMPTY']);
  expect(of({ participants: ['backend'], after: ['api', 'ui'], before: [] })).toEqual([
    'TUTTI_PLAN_BARRIER_PARTICIPANT_MISSING',
  ]);
  expect(of({ participants: ['backend'], before: ['uj'] })).toEqual(['TUTTI_PLAN_BARRIER_TASK_UNKNOWN']);
  expect(of({ participants: ['backend'], check: 'api-contrakt' })).toEqual([
    'TUTTI_PLAN_BARRIER_CHECK_UNKNOWN',
  ]);
});

test('an empty plan and one that is too large are refused before anything else is looked at', () => {
  expect(codes(smallPlan([]))).toEqual(['TUTTI_PLAN_EMPTY']);
  const task = smallTask('same');
  expect(codes(smallPlan(Array.from({ length: 200_001 }, () => task)))).toEqual(['TUTTI_PLAN_TOO_LARGE']);
});

test('levels count tasks on the longest way, also through barriers, and barriers themselves weigh nothing', () => {
  const plan = smallPlan(
    [
      smallTask('a'),
      smallTask('b', { needs: ['a'] }),
      smallTask('m', { orchestrator: 'frontend' }),
      smallTask('ui', { orchestrator: 'frontend' }),
    ],
    [{ ...meeting, after: ['b', 'm'], before: ['ui'] }],
  );
  const checked = checkPlan(plan);
  expect([...checked.levels.subarray(0, 4)]).toEqual([0, 1, 0, 2]);
  expect(checked.levelCount).toBe(3);
});

test('the critical path, the sum of estimates and the slacks follow the estimates', () => {
  const plan = smallPlan([
    smallTask('a', { estimateMs: 10 }),
    smallTask('long', { estimateMs: 50, needs: ['a'] }),
    smallTask('short', { estimateMs: 20, needs: ['a'] }),
    smallTask('end', { estimateMs: 5, needs: ['long', 'short'] }),
  ]);
  const checked = checkPlan(plan);
  expect(checked.criticalPath).toEqual({ lengthMs: 65, tasks: ['a', 'long', 'end'] });
  expect(checked.estimateMs).toBe(85);
  expect([...checked.slacks]).toEqual([0, 0, 30, 0]);
});
