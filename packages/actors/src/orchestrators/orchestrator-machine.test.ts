import { incarnation, logIndex, nodeId, seededRandom, silentLogger, TuttiError } from '@tutti/kernel';
import type { ModuleWatcher, Ref, ReplicatedHandle } from '@tutti/runtime';
import { createTestSystem, type TestSystem } from '@tutti/runtime/testing';
import { expect, test } from 'vitest';
import type { SnapshotFrom } from 'xstate';
import type { BoardCommand } from '../coordination/board/commands.ts';
import type { TaskBoard } from '../coordination/board/task-board.ts';
import { HandBoard, memberOf } from '../testing/board-with.ts';
import { planOf } from '../testing/plan-of.ts';
import { simulatedWorker } from '../workers/worker.ts';
import { DelegationCounts } from './delegation-counts.ts';
import { type OrchestratorEvent, orchestratorMachine } from './orchestrator-machine.ts';

type Snapshot = SnapshotFrom<ReturnType<typeof orchestratorMachine>>;

/** One orchestrator over a board of one node; `refuse` may throw in the log's stead. */
class Bench {
  readonly world: TestSystem = createTestSystem();
  readonly hand = new HandBoard();
  readonly counts = new DelegationCounts();
  readonly begun = new Set<number>();
  readonly proposed: string[] = [];
  readonly states: string[] = [];
  readonly ref: Ref<OrchestratorEvent, Snapshot>;
  readonly #watchers = new Set<ModuleWatcher>();

  constructor(refuse: (command: BoardCommand) => void = () => {}) {
    const { clock, system } = this.world;
    const board: ReplicatedHandle<TaskBoard> = {
      module: this.hand.board,
      propose: <Result>(command: unknown) => {
        const wanted = command as BoardCommand;
        this.proposed.push(wanted.type);
        return new Promise<Result>((resolve) => {
          refuse(wanted);
          this.apply(wanted);
          resolve({ refused: [] } as Result);
        });
      },
      readBarrier: () => Promise.resolve(logIndex(0)),
      logger: silentLogger,
      watch: (watcher) => {
        this.#watchers.add(watcher);
        return () => this.#watchers.delete(watcher);
      },
    };
    const machine = orchestratorMachine({
      id: 'backend',
      holder: { node: nodeId('n1'), incarnation: incarnation(1) },
      board,
      workers: [simulatedWorker(clock)],
      clock,
      random: seededRandom(1),
      logger: system.logger,
      counts: this.counts,
      members: { list: () => [memberOf('n1')] },
      begun: this.begun,
      takesNext: false,
    });
    this.ref = system.spawn(machine, { id: 'backend' });
    this.ref.subscribe(({ value }) => {
      if (this.states.at(-1) !== value) this.states.push(value);
    });
  }

  apply(command: BoardCommand): void {
    this.hand.apply(command);
    const context = { index: logIndex(1), timeMs: this.world.clock.wallTime() };
    for (const watcher of this.#watchers) watcher.applied?.(command, {}, context);
  }

  /** Gives tasks to this orchestrator, as a master would. */
  give(...tasks: string[]): void {
    const holder = { node: nodeId('n1'), incarnation: incarnation(1), why: 'a test says so' };
    this.apply({
      type: 'tasks.assign',
      session: 's',
      assignments: tasks.map((task) => ({ task, ...holder })),
    });
  }

  stateOf(task: string) {
    return this.hand.board.session('s')!.tasks.get(task)!.state;
  }

  async pass(durationMs: number): Promise<void> {
    const end = this.world.clock.now() + durationMs;
    this.world.clock.setTimer(durationMs, () => {});
    await this.world.until(() => this.world.clock.now() >= end);
  }
}

test('it is idle with nothing, active at work, and overloaded while something waits for a slot', async () => {
  const bench = new Bench();
  bench.hand.open('s', planOf([{ id: 'a' }, { id: 'b' }], { limit: 1 }));
  await bench.pass(10);
  bench.give('a');
  await bench.pass(500);
  bench.give('b');
  await bench.pass(5_000);
  expect(bench.states).toEqual(['idle', 'active', 'overloaded', 'active', 'idle']);
  expect(bench.counts.of('done')).toBe(2);
});

test('a start that is refused while the task stays held is tried again after a while', async () => {
  let refusals = 2;
  const bench = new Bench(({ type }) => {
    if (type === 'task.start' && refusals-- > 0)
      throw new TuttiError('TUTTI_ORCHESTRATOR_FULL', {
        orchestrator: 'backend',
        node: 'n1',
        size: 5,
        limit: 5,
      });
  });
  bench.hand.open('s', planOf([{ id: 'a' }]));
  bench.give('a');
  await bench.pass(500);
  expect(bench.proposed).toEqual(['task.start']);
  await bench.pass(5_000);
  expect(bench.proposed).toEqual(['task.start', 'task.start', 'task.start', 'task.complete']);
  expect(bench.stateOf('a')).toBe('done');
});

test('what was held before it was started is found on the board', async () => {
  const bench = new Bench();
  bench.hand.open('s', planOf([{ id: 'a' }, { id: 'b' }]));
  bench.hand.assign('s', 'n1', 'a', 'b');
  bench.hand.apply({ type: 'task.start', session: 's', task: 'a', fence: bench.hand.fence('s', 'a') });
  await bench.pass(5_000);
  expect(bench.stateOf('b')).toBe('done');
  expect(bench.stateOf('a')).toBe('ready'); // it ran under nobody, and was given back
  expect(bench.counts.of('returned')).toBe(1);
});

test('what belongs to another orchestrator or another node is left alone', async () => {
  const bench = new Bench();
  bench.hand.open('s', planOf([{ id: 'a', orchestrator: 'frontend' }, { id: 'b' }]));
  bench.hand.assign('s', 'n1', 'a');
  bench.hand.assign('s', 'n2', 'b');
  await bench.pass(5_000);
  expect(bench.proposed).toEqual([]);
});

test('a crash aborts what runs, and the next life gives it back before anything else', async () => {
  const bench = new Bench();
  bench.hand.open('s', planOf([{ id: 'a' }]));
  bench.give('a');
  await bench.pass(500);
  bench.ref.send({ type: 'crash', problem: 'a test says so' });
  await bench.pass(5_000);
  expect(bench.proposed).toEqual(['task.start', 'task.return']);
  expect(bench.stateOf('a')).toBe('ready');
});
