import {
  incarnation,
  isTuttiError,
  logIndex,
  nodeId,
  runVirtual,
  seededRandom,
  silentLogger,
  TuttiError,
} from '@tutti/kernel';
import type { Member } from '@tutti/runtime';
import { createTestSystem } from '@tutti/runtime/testing';
import { expect, test } from 'vitest';
import { partsOf, type SingleCommand } from '../coordination/board/commands.ts';
import type { DelegationEnd } from '../coordination/delegation/delegation-table.ts';
import { HandBoard, memberOf } from '../testing/board-with.ts';
import { planOf } from '../testing/plan-of.ts';
import { functionWorker, type WorkFunction } from '../workers/function-worker.ts';
import { DelegationCounts } from './delegation-counts.ts';
import { DelegationDesk } from './delegation-desk.ts';

const ENDS: readonly DelegationEnd[] = ['done', 'failed', 'returned', 'stale', 'cancelled', 'abandoned'];
const HOLDER = { node: nodeId('n1'), incarnation: incarnation(1) };

type Answer = (command: SingleCommand, call: number) => unknown;

/** One desk over a board whose log answers as told; what it does not refuse takes effect at once. */
class Bench {
  readonly clock = createTestSystem().clock;
  readonly hand = new HandBoard();
  readonly proposed: SingleCommand[] = [];
  readonly proposals: unknown[] = [];
  readonly counts = new DelegationCounts();
  readonly others: Member[] = [];
  readonly desk: DelegationDesk;

  constructor(work: WorkFunction, answer: Answer = () => ({}), more: readonly string[] = []) {
    this.desk = new DelegationDesk(
      {
        id: 'backend',
        holder: HOLDER,
        board: {
          module: this.hand.board,
          propose: <Result>(command: unknown) => {
            this.proposals.push(command);
            return new Promise<Result>((resolve) => resolve(this.#log(command, answer) as Result));
          },
          readBarrier: () => Promise.resolve(logIndex(0)),
          logger: silentLogger,
          watch: () => () => {},
        },
        members: { list: () => [memberOf('n1'), ...this.others] },
        workers: [functionWorker({ work })],
        clock: this.clock,
        random: seededRandom(1),
        logger: createTestSystem().system.logger,
        counts: this.counts,
        begun: new Set(),
        takesNext: true,
      },
      () => {},
      (problem) => {
        throw problem;
      },
    );
    const retry = { attemptsMax: 3, backoff: { initialMs: 100, factor: 3, jitter: 0 } };
    const named = { work: { type: 'function', name: 'work' }, retry, timeoutMs: 1_000 } as const;
    this.hand.open('s', planOf(['build', ...more].map((id) => ({ id, ...named }))));
    this.hand.hand('s', 'n1', 'build');
    const problem = { code: 'TUTTI_WORK_FAILED', message: 'no' };
    const fence = this.fence;
    this.hand.apply({
      type: 'task.fail',
      session: 's',
      task: 'build',
      fence,
      problem,
      retryable: true,
      retryInMs: 0,
    });
  }

  get fence(): number {
    return this.hand.fence('s', 'build');
  }

  #log(command: unknown, answer: Answer): unknown {
    const refused = partsOf(command).flatMap((part, at) => {
      this.proposed.push(part);
      try {
        answer(part, this.proposed.length);
        this.hand.apply(part);
        return [];
      } catch (thrown) {
        if (!isTuttiError(thrown) || (command as SingleCommand) === part) throw thrown;
        return [{ at, code: thrown.code, message: thrown.message }];
      }
    });
    this.clock.nextTurn(() => this.desk.look());
    return { refused };
  }

  /** Gives it the task, and lets time pass until its delegation is over. */
  async run({ orphaned = false, handedOver = false, cancelAfterMs = -1 } = {}): Promise<DelegationEnd> {
    if (handedOver) this.hand.hand('s', 'n1', 'build');
    else this.hand.assign('s', 'n1', 'build');
    const ids = { session: 's', task: 'build', fence: this.fence };
    if (orphaned) this.hand.apply({ type: 'task.start', ...ids });
    this.desk.look();
    if (cancelAfterMs >= 0)
      this.clock.setTimer(cancelAfterMs, () => {
        this.hand.apply({ type: 'session.cancel', session: 's', reason: 'enough' });
        this.desk.look();
      });
    const end = () => ENDS.find((name) => this.counts.of(name) > 0);
    await runVirtual(this.clock, () => end() !== undefined, 600_000);
    return end()!;
  }

  get types(): string[] {
    return this.proposed.map(({ type }) => type);
  }
}

const stale = () => {
  throw new TuttiError('TUTTI_FENCE_STALE', {
    session: 's',
    fence: 17,
    task: 'build',
    why: 'a test says so',
  });
};

test('work that succeeds is started and completed under its fence', async () => {
  const bench = new Bench(() => ({ file: 'out' }));
  expect(await bench.run()).toBe('done');
  expect(bench.proposed).toEqual([
    { type: 'task.start', session: 's', task: 'build', fence: bench.fence },
    { type: 'task.complete', session: 's', task: 'build', fence: bench.fence, output: { file: 'out' } },
  ]);
});

test('work that fails is reported with the wait that its backoff gives after so many failures', async () => {
  const bench = new Bench(() => {
    throw new Error('disk full');
  });
  expect(await bench.run()).toBe('failed');
  expect(bench.proposed[1]).toMatchObject({
    type: 'task.fail',
    fence: bench.fence,
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
  expect(await bench.run()).toBe('stale');
  expect(ran).toBe(false);
});

test('a result whose fence is old is dropped without a second word', async () => {
  const bench = new Bench(
    () => ({}),
    ({ type }) => type === 'task.complete' && stale(),
  );
  expect(await bench.run()).toBe('stale');
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
  expect(await bench.run()).toBe('failed');
  expect(bench.proposed.at(-1)).toMatchObject({
    type: 'task.fail',
    problem: { code: 'TUTTI_PROPOSAL_TOO_LARGE' },
    retryable: false,
  });
});

test('a result that does not survive JSON fails for good', async () => {
  const bench = new Bench(() => ({ big: 10n }));
  expect(await bench.run()).toBe('failed');
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
  expect(await bench.run()).toBe('done');
  expect(bench.types.filter((type) => type === 'task.complete')).toHaveLength(7);
});

test('a node that is stopping gives up on the report', async () => {
  const bench = new Bench(
    () => ({}),
    ({ type }) => {
      if (type === 'task.complete') throw new TuttiError('TUTTI_CLOSED', { what: 'This replica' });
    },
  );
  expect(await bench.run()).toBe('abandoned');
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
  expect(await bench.run()).toBe('failed');
  expect(aborted).toBe(true);
  expect(bench.proposed.at(-1)).toMatchObject({ type: 'task.fail', problem: { code: 'TUTTI_TASK_TIMEOUT' } });
  await runVirtual(bench.clock, () => bench.counts.of('late') > 0, 10_000);
  expect(bench.counts.of('late')).toBe(1);
});

test('calling it off aborts the work and reports nothing', async () => {
  const bench = new Bench(({ signal }) => {
    return new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  });
  expect(await bench.run({ cancelAfterMs: 500 })).toBe('cancelled');
  expect(bench.types).toEqual(['task.start']);
});

test('what a crashed orchestrator left running is given back, and not run', async () => {
  let ran = false;
  const bench = new Bench(() => {
    ran = true;
  });
  expect(await bench.run({ orphaned: true })).toBe('returned');
  expect(ran).toBe(false);
  expect(bench.proposed).toMatchObject([{ type: 'task.return', fence: bench.fence, recovery: 'restart' }]);
});

test('work that was handed over is begun at once, and only its end is logged', async () => {
  const bench = new Bench(() => ({}));
  expect(await bench.run({ handedOver: true })).toBe('done');
  expect(bench.types).toEqual(['task.complete']);
});

test('a slot that becomes free takes the next task in the same entry of the log', async () => {
  const bench = new Bench(() => ({}), undefined, ['b', 'c', 'd']);
  expect(await bench.run({ handedOver: true })).toBe('done');
  await runVirtual(bench.clock, () => bench.counts.of('done') === 4, 10_000);
  expect(bench.proposals).toHaveLength(4);
  expect(bench.types.filter((type) => type === 'tasks.take')).toHaveLength(3);
  expect(bench.hand.board.session('s')!.state).toBe('done');
});

test('where another node has less to do, nothing is taken', async () => {
  const bench = new Bench(() => ({}), undefined, ['b', 'c', 'd']);
  bench.others.push(memberOf('n2'));
  bench.hand.hand('s', 'n1', 'b', 'c');
  expect(await bench.run({ handedOver: true })).toBe('done');
  await runVirtual(bench.clock, () => bench.counts.of('done') === 3, 10_000);
  // Three were held and none by the other node: the last of the three is the first whose slot it may fill again.
  expect(bench.types.filter((type) => type === 'tasks.take')).toHaveLength(1);
});

test('the ends of one turn are one proposal, and each is answered for itself', async () => {
  const bench = new Bench(
    () => ({}),
    (command) => {
      if (command.type === 'task.complete' && command.task === 'b') stale();
    },
    ['b', 'c'],
  );
  bench.hand.hand('s', 'n1', 'b', 'c');
  await bench.run({ handedOver: true });
  await runVirtual(bench.clock, () => bench.counts.of('stale') === 1, 10_000);
  expect(bench.proposals).toMatchObject([{}]);
  expect([bench.counts.of('done'), bench.counts.of('stale')]).toEqual([2, 1]);
});
