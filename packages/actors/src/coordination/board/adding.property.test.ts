import { canonicalJson, incarnation, isTuttiError, logIndex, nodeId } from '@tutti/kernel';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkPlan } from '../../engines/workflow/check-plan.ts';
import { smallPlan, smallTask } from '../../testing/small-plans.ts';
import { BoardTwin } from './board-twin.ts';
import type { AddedSubmission, BoardCommand, Holder, SubmissionAdded } from './commands.ts';
import { explainTask } from './explain.ts';
import { TaskBoard } from './task-board.ts';

const SESSION = 's';
const HOLDERS: readonly Holder[] = ['n1', 'n2'].map((node) => ({
  node: nodeId(node),
  incarnation: incarnation(1),
}));
const ORCHESTRATORS = ['backend', 'frontend'] as const;
/** Steps of the journal, and settled tasks that are kept: few, so that much is forgotten. */
const KEPT = 4;

const steps = fc.array(
  fc.record({
    act: fc.nat(23),
    at: fc.nat(11),
    choice: fc.nat(9),
    needs: fc.uniqueArray(fc.nat(9), { maxLength: 3 }),
    restores: fc.nat(4).map((drawn) => drawn === 0),
  }),
  { minLength: 20, maxLength: 120 },
);
type Step = typeof steps extends fc.Arbitrary<(infer Item)[]> ? Item : never;

/** Two tasks at a time, with needs among themselves, on what is there, on what was there, and on what never was. */
function submissionOf({ at, choice, needs }: Step, twin: BoardTwin, number: number): AddedSubmission {
  const there = twin.tasks.map(({ plan }) => plan.id);
  const name = (choice === 9 ? there[at % there.length] : undefined) ?? `a${number}`;
  const wanted = needs.map((need) => (need === 9 ? `a${number - 12}` : there[there.length - 1 - need]));
  const known = wanted.filter((need) => need !== undefined);
  const fields = { orchestrator: ORCHESTRATORS[at % 2]!, optional: choice === 3 };
  const first = smallTask(name, { ...fields, needs: choice === 8 ? [...known, `b${number}`] : known });
  const second = smallTask(`b${number}`, { orchestrator: 'backend', needs: choice > 4 ? [name] : [] });
  return { id: `of ${number}`, tasks: at % 3 === 0 ? [first] : [first, second] };
}

function commandOf(step: Step, twin: BoardTwin, made: AddedSubmission[]): BoardCommand {
  const { act, at, choice } = step;
  const running = twin.tasks.filter(({ state }) => state === 'running');
  const one = running[at % Math.max(1, running.length)] ?? twin.tasks[at % Math.max(1, twin.tasks.length)];
  const attempt = {
    session: SESSION,
    task: one?.plan.id ?? 'none',
    fence: one?.held?.fence ?? one?.wonBy ?? 0,
  };
  const problem = { code: 'TUTTI_TIMEOUT', message: 'too slow' };
  const holder = HOLDERS[at % 2]!;
  if (act < 8) {
    const again = made.slice(-12)[at];
    const known =
      choice < 2 && again
        ? [again]
        : choice === 2 && again
          ? [{ ...again, tasks: [smallTask('other')] }]
          : choice === 3 && again
            ? [{ ...again, tasks: again.tasks.map((task) => ({ ...task, with: { euros: 120 } })) }]
            : [];
    const submissions = [...known, submissionOf(step, twin, made.length)];
    made.push(submissions.at(-1)!);
    return { type: 'tasks.add', session: SESSION, submissions };
  }
  if (act < 13) return { type: 'tasks.take', holder, orchestrator: ORCHESTRATORS[choice % 2]!, upTo: 3 };
  if (act < 20) return { type: 'task.complete', ...attempt, output: { at } };
  if (act < 21) return { type: 'task.fail', ...attempt, problem, retryable: choice !== 0, retryInMs: 0 };
  if (act < 22)
    return { type: 'holder.lost', holder: { ...holder, incarnation: incarnation(0) }, recovery: 'failover' };
  if (choice === 0) return { type: 'session.close', session: SESSION };
  if (choice === 1 && at === 0) return { type: 'session.cancel', session: SESSION, reason: 'enough' };
  return { type: 'task.return', ...attempt, reason: 'restarted' };
}

const imageOf = (board: TaskBoard) => canonicalJson([...board.snapshot()]);

function copyOf(board: TaskBoard): TaskBoard {
  const copy = new TaskBoard({ journalLimit: KEPT });
  copy.restore(JSON.parse(JSON.stringify([...board.snapshot()])) as unknown[]);
  return copy;
}

function added(answer: unknown): string[] {
  return (answer as SubmissionAdded[]).map((one) =>
    'refused' in one ? 'refused' : one.created ? 'created' : 'known',
  );
}

const seen = (board: TaskBoard) => {
  const { state, intake, tasks } = board.session(SESSION)!;
  return {
    state,
    intake,
    tasks: Array.from(tasks.values(), ({ plan, level, state, attemptCount, completions, attempts }) => {
      const last = attempts.at(-1);
      const fence = last && last.outcome === undefined ? last.fence : undefined;
      return { id: plan.id, level, state, attempts: attemptCount, completions, fence };
    }),
  };
};

const expected = (twin: BoardTwin) => ({
  state: twin.state,
  intake: twin.intake,
  tasks: twin.tasks.map((task) => {
    const { plan, state, attempts, completions, held } = task;
    return { id: plan.id, level: twin.levelOf(task), state, attempts, completions, fence: held?.fence };
  }),
});

function checkQueries(board: TaskBoard, twin: BoardTwin): void {
  const ready = twin.tasks.filter(({ state, addedAt }) => state === 'ready' && addedAt > 0);
  for (const orchestrator of ORCHESTRATORS) {
    const own = ready.filter(({ plan }) => plan.orchestrator === orchestrator).map(({ plan }) => plan.id);
    const found = Array.from(board.readyTasks(SESSION, orchestrator), ({ plan }) => plan.id);
    expect(found.slice(found.length - own.length)).toEqual(own);
  }
  const summary = board.summary(SESSION)!;
  expect(summary.total).toBe(twin.tasks.length);
  for (const state of ['waiting', 'ready', 'running', 'done', 'degraded', 'cancelled'] as const)
    expect(summary[state]).toBe(twin.tasks.filter((task) => task.state === state).length);
  const world = { hasLeader: true, wallTimeMs: 0, nodes: HOLDERS };
  for (const { plan, state } of twin.tasks)
    expect(explainTask(board, SESSION, plan.id, world).length > 0).toBe(['waiting', 'ready'].includes(state));
}

const first = fc.constantFrom(
  [],
  [smallTask('t0', { orchestrator: 'frontend' })],
  [smallTask('t0'), smallTask('t1', { needs: ['t0'] }), smallTask('t2', { estimateMs: 5 })],
);

test('tasks that are added agree with the dumb twin: taken whole and once, forgotten when nobody needs them', () => {
  const counts = { created: 0, known: 0, refused: 0, forgotten: 0, done: 0 };
  fc.assert(
    fc.property(first, fc.boolean(), fc.boolean(), steps, (tasks, staysOpen, isWave, drawn) => {
      const isOpen = staysOpen || tasks.length === 0;
      const plan = {
        ...smallPlan(tasks),
        orchestrators: ORCHESTRATORS.map((id) => ({ id, maxConcurrentTasks: 2 })),
      };
      const mode = isWave && !isOpen && drawn.length % 4 === 0 ? 'wave' : 'eager';
      let board = new TaskBoard({ journalLimit: KEPT });
      const { slacks } = checkPlan(plan, undefined, { mayBeEmpty: true });
      const intake = isOpen ? 'open' : 'while-running';
      const twin = new BoardTwin(plan, mode === 'wave', slacks, { intake, keptMax: KEPT });
      const type = isOpen ? 'session.begin' : 'session.open';
      board.apply({ type, session: SESSION, plan, mode, folder: '' }, { index: logIndex(1), timeMs: 1 });
      const made: AddedSubmission[] = [];
      drawn.forEach((step, at) => {
        const command = commandOf(step, twin, made);
        const context = { index: logIndex(at + 2), timeMs: at + 2 };
        if ('task' in command && !board.session(SESSION)!.tasks.has(command.task)) return;
        let outcome: 'accepted' | 'refused' = 'accepted';
        let answer: unknown;
        try {
          answer = board.apply(command, context);
        } catch (thrown) {
          if (!isTuttiError(thrown)) throw thrown;
          outcome = 'refused';
        }
        expect(outcome).toBe(twin.apply(command, context.timeMs));
        if (command.type === 'tasks.add') {
          expect(added(answer)).toEqual(twin.added);
          for (const word of twin.added) counts[word]++;
        }
        if (step.restores) board = copyOf(board);
        expect(seen(board)).toEqual(expected(twin));
        checkQueries(board, twin);
      });
      expect(imageOf(copyOf(board))).toBe(imageOf(board));
      counts.forgotten += board.session(SESSION)!.forgotten;
      if (twin.state === 'done') counts.done++;
    }),
    { numRuns: 150 },
  );
  for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThan(0);
});
