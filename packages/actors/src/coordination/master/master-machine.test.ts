import { logIndex, seededRandom, silentLogger, TuttiError } from '@tutti/kernel';
import type { ModuleWatcher, ReplicatedHandle } from '@tutti/runtime';
import { createTestSystem, type TestSystem } from '@tutti/runtime/testing';
import { expect, test } from 'vitest';
import { HandBoard, memberOf } from '../../testing/board-with.ts';
import { planOf } from '../../testing/plan-of.ts';
import { leastLoaded } from '../balancing/balancer.ts';
import { type BoardCommand, partsOf } from '../board/commands.ts';
import type { TaskBoard } from '../board/task-board.ts';
import { ALL_CAPABILITIES } from './capabilities.ts';
import { masterMachine } from './master-machine.ts';

/** A master over a board whose log answers as told. */
class Desk {
  readonly world: TestSystem = createTestSystem();
  readonly hand = new HandBoard();
  readonly proposed: { at: number; command: BoardCommand }[] = [];
  /** Types of the events that the machine was given. */
  readonly events = new Set<string>();
  readonly #watchers = new Set<ModuleWatcher>();

  constructor(answer: (call: number) => unknown) {
    const { clock, system } = this.world;
    const board: ReplicatedHandle<TaskBoard> = {
      module: this.hand.board,
      propose: <Result>(command: unknown) => {
        this.proposed.push({ at: clock.now(), command: command as BoardCommand });
        return new Promise<Result>((resolve) => {
          resolve(answer(this.proposed.length) as Result);
        });
      },
      readBarrier: () => Promise.resolve(logIndex(0)),
      logger: silentLogger,
      watch: (watcher) => {
        this.#watchers.add(watcher);
        return () => this.#watchers.delete(watcher);
      },
    };
    const machine = masterMachine({
      board,
      members: { list: () => [memberOf('n1')], get: () => memberOf('n1'), onChange: () => () => {} },
      clock,
      random: seededRandom(1),
      logger: system.logger,
      policy: { capabilities: ALL_CAPABILITIES, balancer: leastLoaded, limits: {}, detect: () => [] },
    });
    const transition = machine.transition.bind(machine);
    machine.transition = (snapshot, event, scope) => {
      this.events.add(event.type);
      return transition(snapshot, event, scope);
    };
    this.hand.open('s', planOf([{ id: 'a' }]));
    system.spawn(machine, { id: 'master' });
  }

  /** Something was applied that says nothing new. */
  nudge(): void {
    for (const watcher of this.#watchers)
      watcher.applied?.({}, {}, { index: logIndex(1), timeMs: this.world.clock.wallTime() });
  }

  async pass(durationMs: number): Promise<void> {
    const end = this.world.clock.now() + durationMs;
    this.world.clock.setTimer(durationMs, () => {});
    await this.world.until(() => this.world.clock.now() >= end);
  }
}

test('while the log cannot be reached the master asks again after growing waits', async () => {
  const desk = new Desk((call) => {
    if (call <= 5) throw new TuttiError('TUTTI_NO_LEADER', { known: 'none' });
    return [];
  });
  await desk.pass(900);
  expect(desk.proposed).toHaveLength(6);
  const waits = desk.proposed.slice(1).map(({ at }, i) => at - desk.proposed[i]!.at);
  for (const [i, wait] of waits.entries()) {
    expect(wait).toBeGreaterThanOrEqual(10 * 2 ** i);
    expect(wait).toBeLessThanOrEqual(20 * 2 ** i + 1);
  }
});

test('a duty that was refused is not a storm, however often the board changes', async () => {
  const desk = new Desk(() => {
    throw new TuttiError('TUTTI_TASK_NOT_READY', { session: 's', task: 'a', state: 'running' });
  });
  for (let i = 0; i < 300; i++) {
    await desk.pass(10);
    desk.nudge();
  }
  expect(desk.proposed.length).toBeGreaterThanOrEqual(3);
  expect(desk.proposed.length).toBeLessThanOrEqual(4);
});

test('a duty whose effect this copy does not show yet is not asked for twice', async () => {
  const desk = new Desk(() => [{ task: 'a', fence: 1, attempt: 1 }]);
  for (let i = 0; i < 20; i++) {
    await desk.pass(10);
    desk.nudge();
  }
  expect(desk.proposed.map(({ command }) => command.type)).toEqual(['tasks.assign']);
});

test('many changes in one turn are one look', async () => {
  const desk = new Desk(() => []);
  await desk.pass(10);
  expect(desk.proposed).toHaveLength(1);
  const session = planOf([{ id: 'b' }]);
  for (let i = 0; i < 50; i++) {
    if (i < 3) desk.hand.open(`more-${i}`, session);
    desk.nudge();
  }
  await desk.pass(10);
  expect(desk.proposed).toHaveLength(2);
  const parts = partsOf(desk.proposed[1]!.command);
  expect(parts.map(({ type }) => type)).toEqual(['tasks.assign', 'tasks.assign', 'tasks.assign']);
});

test('a master that finds nothing to do after a wait for the log looks at the next change at once', async () => {
  const desk = new Desk((call) => {
    if (call === 1) throw new TuttiError('TUTTI_NO_LEADER', { known: 'none' });
    return [];
  });
  // Another master was quicker: when the wait is over, nothing is due.
  await desk.world.until(() => desk.proposed.length === 1);
  desk.hand.apply({ type: 'session.cancel', session: 's', reason: 'test' });
  await desk.pass(100);
  expect(desk.proposed).toHaveLength(1);
  desk.hand.open('t', planOf([{ id: 'b' }]));
  desk.nudge();
  await desk.pass(1);
  expect(desk.proposed).toHaveLength(2);
});

test('a change while the log cannot be reached is not proposed before the wait is over', async () => {
  const desk = new Desk((call) => {
    if (call === 1) throw new TuttiError('TUTTI_NO_LEADER', { known: 'none' });
    return [];
  });
  await desk.world.until(() => desk.proposed.length === 1);
  for (let i = 0; i < 9; i++) {
    desk.nudge();
    await desk.pass(1);
  }
  expect(desk.proposed).toHaveLength(1);
  await desk.pass(20);
  expect(desk.proposed).toHaveLength(2);
});

// XState keeps something for every type of event that a machine has ever met, and the end of a child is a type by itself.
test('no proposal leaves anything behind in the machine, however many there are', async () => {
  const desk = new Desk(() => []);
  for (let i = 0; i < 50; i++) {
    desk.hand.open(`more-${i}`, planOf([{ id: 'a' }]));
    desk.nudge();
    await desk.pass(10);
    desk.hand.apply({ type: 'session.cancel', session: `more-${i}`, reason: 'test' });
  }
  expect(desk.proposed.length).toBeGreaterThanOrEqual(50);
  expect(desk.events.size).toBeLessThan(10);
});
