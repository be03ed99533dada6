import { nodeId, runVirtual, seededRandom, TuttiError } from '@tutti/kernel';
import { createTestSystem } from '@tutti/runtime/testing';
import { getShortestPaths } from '@xstate/graph';
import { expect, test } from 'vitest';
import { functionWorker, type WorkFunction } from '../../workers/function-worker.ts';
import type { BoardCommand } from '../board/commands.ts';
import { type DelegationOutput, delegationMachine } from './delegation-machine.ts';
import type { DelegationPackage } from './delegation-package.ts';

const offer: DelegationPackage = {
  session: 's',
  task: 'build',
  title: 'Build',
  orchestrator: 'backend',
  node: nodeId('n1'),
  attempt: 2,
  fence: 17,
  failures: 1,
  work: { type: 'function', name: 'work' },
  with: {},
  needs: {},
  folder: '',
  timeoutMs: 1_000,
  backoff: { initialMs: 100, factor: 3, jitter: 0 },
  deliverables: [],
};

type Answer = (command: BoardCommand, call: number) => unknown;

/** One delegation over a board that answers as told, at once. */
class Bench {
  readonly #world = createTestSystem();
  readonly clock = this.#world.clock;
  readonly proposed: BoardCommand[] = [];
  readonly late: number[] = [];
  readonly machine: ReturnType<typeof delegationMachine>;

  constructor(work: WorkFunction, answer: Answer = () => ({})) {
    this.machine = delegationMachine({
      board: {
        propose: (command) => {
          this.proposed.push(command);
          return new Promise((resolve) => {
            resolve(answer(command, this.proposed.length));
          });
        },
      },
      workers: [functionWorker({ work })],
      clock: this.clock,
      random: seededRandom(1),
      onLateResult: ({ fence }) => this.late.push(fence),
    });
  }

  async run({ orphaned = false, cancelAfterMs = -1 } = {}): Promise<DelegationOutput> {
    const ref = this.#world.system.spawn(this.machine, { input: { offer, orphaned }, supervise: false });
    let output: DelegationOutput | undefined;
    ref.subscribe((snapshot) => {
      if (snapshot.status === 'done') output = snapshot.output;
    });
    if (cancelAfterMs >= 0) this.clock.setTimer(cancelAfterMs, () => ref.send({ type: 'cancel' }));
    await runVirtual(this.clock, () => output !== undefined, 600_000);
    return output!;
  }

  get types(): string[] {
    return this.proposed.map(({ type }) => type);
  }
}

const stale = () => {
  throw new TuttiError('TUTTI_FENCE_STALE', { fence: 17, task: 'build', why: 'a test says so' });
};

test('work that succeeds is started and completed under its fence', async () => {
  const bench = new Bench(() => ({ file: 'out' }));
  expect(await bench.run()).toEqual({ fence: 17, end: 'done' });
  expect(bench.proposed).toEqual([
    { type: 'task.start', session: 's', task: 'build', fence: 17 },
    { type: 'task.complete', session: 's', task: 'build', fence: 17, output: { file: 'out' } },
  ]);
});

test('work that fails is reported with the wait that its backoff gives after so many failures', async () => {
  const bench = new Bench(() => {
    throw new Error('disk full');
  });
  expect((await bench.run()).end).toBe('failed');
  expect(bench.proposed[1]).toMatchObject({
    type: 'task.fail',
    fence: 17,
    problem: { code: 'TUTTI_WORK_FAILED', message: 'The work failed: disk full' },
    retryable: true,
    retryInMs: 300,
  });
});

test('a start that is refused runs nothing', async () => {
  let ran = false;
  const bench = new Bench(() => {
    ran = true;
  }, stale);
  expect((await bench.run()).end).toBe('stale');
  expect(ran).toBe(false);
});

test('a result whose fence is old is dropped without a second word', async () => {
  const bench = new Bench(
    () => ({}),
    ({ type }) => type === 'task.complete' && stale(),
  );
  expect((await bench.run()).end).toBe('stale');
  expect(bench.types).toEqual(['task.start', 'task.complete']);
});

test('a result that is too large for the log fails for good, with that as the reason', async () => {
  const bench = new Bench(
    () => ({}),
    ({ type }) => {
      if (type === 'task.complete')
        throw new TuttiError('TUTTI_PROPOSAL_TOO_LARGE', { bytes: 9_000_000, limitBytes: 8_000_000 });
    },
  );
  expect((await bench.run()).end).toBe('failed');
  expect(bench.proposed.at(-1)).toMatchObject({
    type: 'task.fail',
    problem: { code: 'TUTTI_PROPOSAL_TOO_LARGE' },
    retryable: false,
  });
});

test('a result that does not survive JSON fails for good', async () => {
  const bench = new Bench(() => ({ big: 10n }));
  expect((await bench.run()).end).toBe('failed');
  expect(bench.proposed.at(-1)).toMatchObject({
    problem: { code: 'TUTTI_OUTPUT_INVALID' },
    retryable: false,
  });
});

test('while the log cannot be reached the report waits and is made again', async () => {
  const bench = new Bench(
    () => ({}),
    ({ type }, call) => {
      if (type === 'task.complete' && call < 8) throw new TuttiError('TUTTI_NO_LEADER', { known: 'none' });
    },
  );
  expect((await bench.run()).end).toBe('done');
  expect(bench.types.filter((type) => type === 'task.complete')).toHaveLength(7);
});

test('a node that is stopping gives up on the report', async () => {
  const bench = new Bench(
    () => ({}),
    ({ type }) => {
      if (type === 'task.complete') throw new TuttiError('TUTTI_CLOSED', { what: 'This replica' });
    },
  );
  expect((await bench.run()).end).toBe('abandoned');
});

test('a timeout aborts the work, reports it, and counts what comes afterwards', async () => {
  let aborted = false;
  const bench = new Bench(
    ({ signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          aborted = true;
        });
        bench.clock.setTimer(5_000, () => resolve({}));
      }),
  );
  expect((await bench.run()).end).toBe('failed');
  expect(aborted).toBe(true);
  expect(bench.proposed.at(-1)).toMatchObject({ type: 'task.fail', problem: { code: 'TUTTI_TASK_TIMEOUT' } });
  await runVirtual(bench.clock, () => bench.late.length > 0, 10_000);
  expect(bench.late).toEqual([17]);
});

test('calling it off aborts the work and reports nothing', async () => {
  const bench = new Bench(({ signal }) => {
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  });
  expect((await bench.run({ cancelAfterMs: 500 })).end).toBe('cancelled');
  expect(bench.types).toEqual(['task.start']);
});

test('what a crashed orchestrator left running is given back, and not run', async () => {
  let ran = false;
  const bench = new Bench(() => {
    ran = true;
  });
  expect((await bench.run({ orphaned: true })).end).toBe('returned');
  expect(ran).toBe(false);
  expect(bench.proposed).toMatchObject([{ type: 'task.return', fence: 17, recovery: 'restart' }]);
});

test('whatever the log, the work, the clock and the orchestrator do, every path ends and says how', () => {
  const { machine } = new Bench(() => ({}));
  const refusals = [stale, () => new TuttiError('TUTTI_CLOSED', { what: 'This replica' })];
  const errors = refusals.map((refusal) => {
    try {
      return refusal();
    } catch (thrown) {
      return thrown;
    }
  });
  /** All that can come to a delegation in this state; nobody hears of actors that other states have invoked. */
  const eventsIn = (state: string) => {
    const actorId = `0.delegation.${state}`;
    const ends = [
      { type: `xstate.done.actor.${actorId}`, actorId, output: {} },
      ...errors.map((error) => ({ type: `xstate.error.actor.${actorId}`, actorId, error })),
    ];
    return [{ type: 'cancel' }, { type: 'xstate.after.timeout.delegation.running' }, ...ends];
  };
  const seen = new Set<string>();
  for (const orphaned of [false, true]) {
    const paths = getShortestPaths(machine, {
      input: { offer, orphaned },
      events: ({ status, value }) => (status === 'active' ? eventsIn(value) : []) as never[],
      serializeState: ({ value, context }) => JSON.stringify([value, context.end, context.problem?.code]),
    });
    for (const { state } of paths) {
      seen.add(state.value);
      if (state.status === 'done') expect(state.output.end).toBeDefined();
      else expect(state.status).toBe('active');
    }
    const ends = paths.flatMap(({ state }) => (state.status === 'done' ? state.output.end : []));
    expect(new Set(ends)).toEqual(
      new Set(
        orphaned ? ['returned', 'stale', 'abandoned'] : ['done', 'failed', 'cancelled', 'stale', 'abandoned'],
      ),
    );
  }
  expect([...seen].sort()).toEqual(['accepted', 'completing', 'ended', 'failing', 'returning', 'running']);
});
