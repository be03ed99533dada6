import { canonicalJson, incarnation, isTuttiError, logIndex, nodeId } from '@tutti/kernel';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CheckedPlan, checkPlan } from '../../engines/workflow/check-plan.ts';
import type { Plan } from '../../engines/workflow/plan.ts';
import { smallTask } from '../../testing/small-plans.ts';
import type { Conflict } from '../conflict/conflict.ts';
import { BoardTwin } from './board-twin.ts';
import type { BoardCommand, Holder, SingleCommand } from './commands.ts';
import { explainTask } from './explain.ts';
import type { TaskState } from './state.ts';
import { TaskBoard } from './task-board.ts';

const ORCHESTRATORS = ['backend', 'frontend'] as const;
const SESSION = 's';

/** Plans whose edges all point backwards: acyclic by the way they are made, with barriers across a cut. */
const plans = fc.integer({ min: 1, max: 8 }).chain((size) =>
  fc
    .record({
      tasks: fc.array(
        fc.record({
          orchestrator: fc.constantFrom(...ORCHESTRATORS),
          needs: fc.uniqueArray(fc.nat(7), { maxLength: 3 }),
          optional: fc.boolean(),
          attemptsMax: fc.integer({ min: 1, max: 3 }),
          estimateMs: fc.constantFrom(0, 0, 10, 25),
        }),
        { minLength: size, maxLength: size },
      ),
      barriers: fc.array(
        fc.record({
          cut: fc.nat(7),
          members: fc.uniqueArray(fc.nat(7), { minLength: 2, maxLength: 5 }),
          isChecked: fc.boolean(),
        }),
        { maxLength: 2 },
      ),
      limit: fc.integer({ min: 1, max: 2 }),
    })
    .map((drawn): Plan => {
      const tasks = drawn.tasks.map(({ orchestrator, needs, optional, attemptsMax, estimateMs }, at) =>
        smallTask(`t${at}`, {
          orchestrator,
          optional,
          estimateMs,
          retry: { attemptsMax, backoff: {} },
          needs: needs.filter((need) => need < at).map((need) => `t${need}`),
        }),
      );
      const barriers = drawn.barriers.flatMap(({ cut, members, isChecked }, at) => {
        const inPlan = members.filter((member) => member < size);
        const after = inPlan.filter((member) => member <= cut).map((member) => tasks[member]!);
        const before = inPlan.filter((member) => member > cut).map((member) => `t${member}`);
        if (after.length === 0) return [];
        return [
          {
            id: `b${at}`,
            title: `b${at}`,
            participants: [...new Set(after.map((task) => task.orchestrator))],
            after: after.map((task) => task.id),
            before,
            ...(isChecked ? { check: 'api-contract' } : {}),
          },
        ];
      });
      const orchestrators = ORCHESTRATORS.map((id) => ({ id, maxConcurrentTasks: drawn.limit }));
      return { name: 'random', orchestrators, tasks, barriers };
    }),
);

interface Step {
  readonly act: number;
  readonly task: number;
  readonly holder: number;
  readonly choice: number;
  /** The board goes on from its own snapshot. */
  readonly restores: boolean;
}

const steps = fc.array(
  fc.record({
    act: fc.nat(36),
    task: fc.nat(7),
    holder: fc.nat(5),
    choice: fc.nat(9),
    restores: fc.nat(5).map((drawn) => drawn === 0),
  }),
  { minLength: 20, maxLength: 140 },
);

const holderOf = (choice: number): Holder => ({
  node: nodeId(choice % 2 === 0 ? 'n1' : 'n2'),
  incarnation: incarnation(1 + (choice >> 1)),
});

const conflict: Conflict = {
  check: 'api-contract',
  subject: 'GET /cart',
  sides: [
    { orchestrator: 'frontend', task: 't0', value: 1 },
    { orchestrator: 'backend', task: 't1', value: 2 },
  ],
  explanation: 'they differ',
};

/** The states in which each act on a task makes sense. */
const FITTING = {
  assign: ['ready'],
  start: ['assigned'],
  complete: ['running'],
  fail: ['assigned', 'running'],
  wake: ['backoff'],
  degrade: ['waiting', 'ready', 'backoff'],
} as const satisfies Record<string, readonly TaskState[]>;

/** Makes a command out of a step: mostly one that fits the state, sometimes one that does not. */
function singleOf({ act, task: at, holder, choice }: Step, plan: Plan, twin: BoardTwin): SingleCommand {
  const pick = (kind: keyof typeof FITTING): string => {
    const states: readonly TaskState[] = FITTING[kind];
    const fitting = twin.tasks.filter((task) => states.includes(task.state));
    const from = choice === 9 || fitting.length === 0 ? twin.tasks : fitting;
    return from[at % from.length]!.plan.id;
  };
  const attempt = (kind: keyof typeof FITTING) => {
    const task = twin.task(pick(kind));
    const fence = task.held?.fence ?? task.wonBy ?? 0;
    return { session: SESSION, task: task.plan.id, fence: choice === 0 ? Math.max(0, fence - 1) : fence };
  };
  const problem = { code: 'TUTTI_TIMEOUT', message: 'too slow' };
  if (act < 9) {
    const second = `t${(at + choice) % plan.tasks.length}`;
    const assignments = [pick('assign'), second].map((id) => ({
      ...holderOf(holder),
      task: id,
      why: 'least loaded',
    }));
    return { type: 'tasks.assign', session: SESSION, begin: choice % 2 === 0, assignments };
  }
  if (act < 15) return { type: 'task.start', ...attempt('start') };
  if (act < 21) return { type: 'task.complete', ...attempt('complete'), output: { at } };
  if (act < 22) {
    const retryInMs = choice < 5 ? 0 : choice * 100;
    return { type: 'task.fail', ...attempt('fail'), problem, retryable: at !== 7, retryInMs };
  }
  if (act < 23) return { type: 'task.return', ...attempt('fail'), reason: 'restarted' };
  if (act < 25) return { type: 'task.wake', session: SESSION, task: pick('wake') };
  if (act < 26) return { type: 'holder.lost', holder: holderOf(at % 3), recovery: 'failover' };
  if (act < 27) return { type: 'task.degrade', session: SESSION, task: pick('degrade'), reason: 'no room' };
  const full = twin.barriers.filter((barrier) => barrier.state === 'full');
  const from = choice === 9 || full.length === 0 ? twin.barriers : full;
  const barrier = from[at % Math.max(1, from.length)]?.plan.id;
  if (act < 29 && barrier !== undefined) {
    const conflicts = choice === 1 ? [conflict] : [];
    return {
      type: 'barrier.resolve',
      session: SESSION,
      barrier,
      generation: choice === 2 ? 2 : 1,
      conflicts,
    };
  }
  if (act < 33)
    return {
      type: 'tasks.take',
      holder: holderOf(holder),
      orchestrator: ORCHESTRATORS[at % 2]!,
      upTo: choice % 4,
    };
  if (choice === 0 && at === 0) return { type: 'session.cancel', session: SESSION, reason: 'enough' };
  return { type: 'task.wake', session: SESSION, task: pick('wake') };
}

/** One command, or several in a batch: mostly ends of attempts with a wish for more behind them. */
function commandOf(step: Step, plan: Plan, twin: BoardTwin): BoardCommand {
  if (step.act < 34) return singleOf(step, plan, twin);
  const acts = [15, step.task * 4, 15, 32];
  return {
    type: 'batch',
    commands: acts.map((act, i) => singleOf({ ...step, act, task: step.task + i }, plan, twin)),
  };
}

const imageOf = (board: TaskBoard) => canonicalJson([...board.snapshot()]);
const withoutStale = (image: string) => image.replaceAll(/"staleResults":\d+/g, '');

function copyOf(board: TaskBoard): TaskBoard {
  const copy = new TaskBoard();
  copy.restore(JSON.parse(JSON.stringify([...board.snapshot()])) as unknown[]);
  return copy;
}

function tryApply(
  board: TaskBoard,
  command: BoardCommand,
  index: number,
  timeMs: number,
): 'refused' | 'accepted' {
  try {
    board.apply(command, { index: logIndex(index), timeMs });
    return 'accepted';
  } catch (thrown) {
    if (!isTuttiError(thrown)) throw thrown;
    return 'refused';
  }
}

/** What can be seen of the board, in the twin's words. */
function seen(board: TaskBoard): unknown {
  const session = board.session(SESSION)!;
  return {
    state: session.state,
    stale: session.staleResults,
    tasks: [...session.tasks.values()].map((task) => {
      const last = task.attempts.at(-1);
      return {
        id: task.plan.id,
        level: task.level,
        state: task.state,
        failures: task.failures,
        attempts: task.attemptCount,
        completions: task.completions,
        fence: last && last.outcome === undefined ? last.fence : undefined,
        retryAt: task.retryAt,
      };
    }),
    barriers: [...session.barriers.values()].map(({ id, state, arrivals }) => ({
      id,
      state,
      arrived: [...arrivals.keys()].toSorted(),
    })),
  };
}

function expected(twin: BoardTwin): unknown {
  return {
    state: twin.state,
    stale: twin.staleResults,
    tasks: twin.tasks.map((task) => ({
      id: task.plan.id,
      level: twin.levelOf(task),
      state: task.state,
      failures: task.failures,
      attempts: task.attempts,
      completions: task.completions,
      fence: task.held?.fence,
      retryAt: task.retryAt,
    })),
    barriers: twin.barriers.map(({ plan, state, arrived }) => ({
      id: plan.id,
      state,
      arrived: [...arrived].toSorted(),
    })),
  };
}

/** Whatever could still run and does not run is held back by something that can be named, also in an empty cluster. */
function checkExplained(board: TaskBoard, twin: BoardTwin): void {
  const nodes = [holderOf(0), holderOf(1)];
  for (const task of twin.tasks) {
    const isMoving = ['waiting', 'ready', 'assigned', 'backoff'].includes(task.state);
    for (const world of [
      { hasLeader: true, wallTimeMs: 0, nodes },
      { hasLeader: true, wallTimeMs: 0, nodes: [] },
    ])
      expect(explainTask(board, SESSION, task.plan.id, world).length > 0).toBe(isMoving);
  }
}

/** The queries, against what the twin finds by looking at everything. */
function checkQueries(board: TaskBoard, { plan, slacks }: CheckedPlan, twin: BoardTwin): void {
  const ready = twin.tasks
    .map((task, at) => ({ task, slack: slacks[at]!, level: twin.levelOf(task) }))
    .filter(({ task }) => task.state === 'ready')
    .toSorted((a, b) => a.slack - b.slack || a.level - b.level || (a.task.plan.id < b.task.plan.id ? -1 : 1))
    .map(({ task }) => task.plan);
  expect([...board.readyTasks(SESSION)].map((record) => record.plan)).toEqual(ready);
  const summary = board.summary(SESSION)!;
  for (const state of [
    'waiting',
    'ready',
    'assigned',
    'running',
    'backoff',
    'done',
    'failed',
    'cancelled',
    'degraded',
  ] as const)
    expect(summary[state]).toBe(twin.tasks.filter((task) => task.state === state).length);
  for (const orchestrator of ORCHESTRATORS) {
    const own = ready.filter((task) => task.orchestrator === orchestrator);
    expect([...board.readyTasks(SESSION, orchestrator)].map((record) => record.plan)).toEqual(own);
    for (const node of [nodeId('n1'), nodeId('n2')]) {
      const held = twin.tasks.filter(
        (task) => task.plan.orchestrator === orchestrator && task.held?.node === node,
      );
      const running = held.filter((task) => task.state === 'running').length;
      expect(board.load(SESSION, orchestrator, node)).toEqual({ held: held.length, running });
      expect(running).toBeLessThanOrEqual(plan.orchestrators[0]!.maxConcurrentTasks);
    }
  }
  for (const choice of [0, 1, 2, 3, 4, 5]) {
    const { node, incarnation } = holderOf(choice);
    const held = twin.tasks
      .filter((task) => task.held?.node === node && task.held.incarnation === incarnation)
      .toSorted((a, b) => a.held!.fence - b.held!.fence);
    expect(board.heldBy(node, incarnation).map((item) => item.record.plan.id)).toEqual(
      held.map((task) => task.plan.id),
    );
    const offered = held.filter((task) => task.state === 'assigned').map((task) => task.plan.id);
    expect(board.assignmentsOf(node, incarnation).map((item) => item.record.plan.id)).toEqual(offered);
  }
  const wakes = twin.tasks.filter((task) => task.state === 'backoff').map((task) => task.retryAt!);
  expect(board.nextWake(SESSION)?.retryAt).toBe(wakes.length === 0 ? undefined : Math.min(...wakes));
  expect(board.wakesDue(Number.POSITIVE_INFINITY).map((wake) => wake.retryAt)).toEqual(
    wakes.toSorted((a, b) => a - b),
  );
  const full = twin.barriers.filter((barrier) => barrier.state === 'full' && twin.state === 'running');
  expect(board.fullBarriers(SESSION).map((barrier) => barrier.id)).toEqual(
    full.map((barrier) => barrier.plan.id),
  );
}

test('the board agrees with its dumb twin after every command, also when it is restored from its snapshot midway', () => {
  let ended = 0;
  fc.assert(
    fc.property(plans, fc.boolean(), steps, (plan, isWave, drawn) => {
      let board = new TaskBoard();
      const checked = checkPlan(plan);
      const twin = new BoardTwin(plan, isWave, checked.slacks);
      const open: BoardCommand = {
        type: 'session.open',
        session: SESSION,
        plan,
        mode: isWave ? 'wave' : 'eager',
        folder: '/tmp',
      };
      board.apply(open, { index: logIndex(1), timeMs: 1_000 });
      let lastFence = 0;
      drawn.forEach((step, at) => {
        const command = commandOf(step, plan, twin);
        const before = imageOf(board);
        const now = 1_000 + at * 50;
        const outcome = tryApply(board, command, at + 2, now);
        expect(outcome).toBe(twin.apply(command, now));
        if (outcome === 'refused') expect(withoutStale(imageOf(board))).toBe(withoutStale(before));
        if (step.restores) board = copyOf(board);
        expect(seen(board)).toEqual(expected(twin));
        expect(board.lastFence).toBeGreaterThanOrEqual(lastFence);
        lastFence = board.lastFence;
        checkQueries(board, checked, twin);
        checkExplained(board, twin);
      });
      for (const task of twin.tasks) expect(task.completions).toBeLessThanOrEqual(1);
      for (const barrier of twin.barriers) expect(barrier.releases).toBeLessThanOrEqual(1);
      const done = [...(board.journal(SESSION) ?? [])]
        .filter((event) => event.to === 'done')
        .map((event) => event.task);
      expect(done.toSorted()).toEqual(
        twin.tasks
          .filter((task) => task.completions === 1)
          .map((task) => task.plan.id)
          .toSorted(),
      );
      expect(imageOf(copyOf(board))).toBe(imageOf(board));
      if (twin.state === 'done') ended++;
    }),
    { numRuns: 120 },
  );
  expect(ended).toBeGreaterThan(0);
});
