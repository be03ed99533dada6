import { isTuttiError, nodeId, seededRandom } from '@tutti/kernel';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { partsOf } from './coordination/board/commands.ts';
import { TaskBoard } from './coordination/board/task-board.ts';
import type { PlanTask } from './engines/workflow/plan.ts';
import { planOf } from './testing/plan-of.ts';
import { SimWorld } from './testing/sim-world.ts';
import { smallTask } from './testing/small-plans.ts';

const NODES = ['n1', 'n2', 'n3'];
const EMPTY = { ...planOf([], { limit: 3 }), orchestrators: [{ id: 'backend', maxConcurrentTasks: 3 }] };

describe('adding tasks to a session', () => {
  it('takes them while it runs, and lets them need what is done', async () => {
    const world = new SimWorld();
    const session = await world.submit(planOf([{ id: 'first' }]), { staysOpen: true });
    await world.settle(world.on().waitForTask(session, 'first'));
    await world.settle(world.on().add(session, [smallTask('second', { needs: ['first'] })]));
    const second = await world.settle(world.on().waitForTask(session, 'second'));
    expect(second).toMatchObject({ state: 'done', completions: 1, level: 1 });
    expect(world.board.session(session)!.state).toBe('running');
    await world.settle(world.on().close(session));
    const [record] = await world.finish(session);
    expect([...record!.tasks.keys()]).toEqual(['first', 'second']);
  });

  it('puts what is added in one turn into one entry of the log, and answers each by itself', async () => {
    const world = new SimWorld();
    const session = await world.submit(EMPTY, { staysOpen: true });
    let entries = 0;
    world.on().board.watch({
      applied: (command) => {
        if ((command as { type: string }).type === 'tasks.add') entries++;
      },
    });
    const adds = ['a', 'b', 'a', 'c'].map((id) => world.on().add(session, [smallTask(id)]));
    const outcomes = await world.settle(Promise.allSettled(adds));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect(entries).toBe(1);
    const refusal = (outcomes[2] as PromiseRejectedResult).reason as unknown;
    expect(isTuttiError(refusal, 'TUTTI_PLAN_TASK_DUPLICATE')).toBe(true);
    expect(String(refusal)).toContain('"a"');
  });

  it('is begun right behind its addition, and a plan right behind its opening: the master is not needed for either', async () => {
    const world = new SimWorld({ nodes: NODES });
    const types: string[] = [];
    world.on().board.watch({
      applied: (command) => types.push(...partsOf(command).map(({ type }) => type)),
    });
    const session = await world.submit(
      { ...EMPTY, ...planOf([{ id: 'first' }], { limit: 3 }) },
      {
        staysOpen: true,
      },
    );
    await world.settle(world.on().waitForTask(session, 'first'));
    await world.settle(world.on().add(session, [smallTask('second')]));
    await world.settle(world.on().waitForTask(session, 'second'));
    const each = ['tasks.take', 'task.complete'];
    expect(types).toEqual(['session.begin', ...each, 'tasks.add', ...each]);
    const [first] = world.board.session(session)!.tasks.get('second')!.attempts;
    expect(first).toMatchObject({ isHandedOver: true, number: 1 });
  });

  it('gives more than there are slots to them as they become free, as many at once as the limit says', async () => {
    const world = new SimWorld();
    const session = await world.submit(EMPTY, { staysOpen: true });
    let most = 0;
    world.on().board.watch({
      applied: () => {
        most = Math.max(
          most,
          world.board.laneLoad('backend', world.on().board.module.holders()[0]?.node ?? nodeId('n1')).held,
        );
      },
    });
    const ids = Array.from({ length: 10 }, (_, i) => `t${i}`);
    await world.settle(
      world.on().add(
        session,
        ids.map((id) => smallTask(id)),
      ),
    );
    await world.settle(Promise.all(ids.map((id) => world.on().waitForTask(session, id))));
    expect(most).toBe(3);
  });

  it('leaves all to the master where a limit of the cluster stands beside those of the plans', async () => {
    const world = new SimWorld({ options: { limits: { tasksMax: 1 } } });
    const types = new Set<string>();
    world.on().board.watch({
      applied: (command) => partsOf(command).forEach(({ type }) => types.add(type)),
    });
    const session = await world.submit(EMPTY, { staysOpen: true });
    await world.settle(world.on().add(session, [smallTask('a'), smallTask('b')]));
    await world.settle(world.on().waitForTask(session, 'a'));
    expect(types.has('tasks.assign')).toBe(true);
    expect(world.board.session(session)!.tasks.get('b')!.attempts).toHaveLength(1);
  });

  it('answers a submission that is made again from what it has, also when the session is over', async () => {
    const world = new SimWorld();
    const session = await world.submit(EMPTY, { staysOpen: true });
    const add = (id: string) => world.settle(world.on().add(session, [smallTask(id)], { submission: 'one' }));
    await add('a');
    await world.settle(world.on().close(session));
    await world.finish(session);
    expect(await add('a')).toBe('one');
    await expect(add('b')).rejects.toMatchObject({ code: 'TUTTI_SUBMISSION_DIFFERS' });
    expect(world.board.session(session)!.tasks.get('a')!.completions).toBe(1);
  });

  it('refuses a submission under the name of another, also when one field differs, and on a restored copy too', async () => {
    const world = new SimWorld();
    const session = await world.submit(EMPTY, { staysOpen: true });
    const charge = (fields: Record<string, unknown>) =>
      world.settle(
        world.on().add(session, [smallTask('charge-7', { with: fields })], { submission: 'order 7' }),
      );
    await charge({ euros: 12, to: 'a' });
    expect(await charge({ to: 'a', euros: 12 })).toBe('order 7');
    await expect(charge({ euros: 120, to: 'a' })).rejects.toMatchObject({ code: 'TUTTI_SUBMISSION_DIFFERS' });

    const copy = new TaskBoard();
    copy.restore(JSON.parse(JSON.stringify([...world.board.snapshot()])) as unknown[]);
    const again = (euros: number) => {
      const tasks = [smallTask('charge-7', { with: { euros, to: 'a' } })];
      const command = { type: 'tasks.add', session, submissions: [{ id: 'order 7', tasks }] };
      return copy.apply(command, { index: 99 as never, timeMs: 99 });
    };
    expect(again(12)).toEqual([{ submission: 'order 7', created: false }]);
    expect(again(120)).toMatchObject([{ refused: { code: 'TUTTI_SUBMISSION_DIFFERS' } }]);
  });

  it('refuses what is closed, over, in waves, or makes no sense, each with its code', async () => {
    const world = new SimWorld();
    const refused = async (session: string, ...tasks: Parameters<typeof smallTask>[]) => {
      const added = world.on().add(
        session,
        tasks.map((task) => smallTask(...task)),
      );
      return (await world.settle(added.catch((thrown: { code: string }) => thrown))) as { code: string };
    };
    const open = await world.submit(EMPTY, { staysOpen: true });
    const waves = await world.submit(planOf([{ id: 't' }]), { mode: 'wave' });
    const closed = await world.submit(planOf([{ id: 't' }]), { staysOpen: true });
    await world.settle(world.on().close(closed));
    const over = await world.submit(planOf([{ id: 't' }]));
    await world.settle(world.on().cancel(over));
    const codes = [
      await refused('nobody', ['x']),
      await refused(open),
      await refused(open, ['x', { needs: ['y'] }], ['y', { needs: ['x'] }]),
      await refused(open, ['x', { needs: ['never'] }]),
      await refused(open, ['x', { orchestrator: 'stranger' }]),
      await refused(closed, ['x']),
      await refused(waves, ['x']),
      await refused(over, ['x']),
    ].map(({ code }) => code);
    expect(codes).toEqual([
      'TUTTI_SESSION_UNKNOWN',
      'TUTTI_PLAN_EMPTY',
      'TUTTI_PLAN_CYCLE',
      'TUTTI_PLAN_NEED_MISSING',
      'TUTTI_PLAN_ORCHESTRATOR_UNKNOWN',
      'TUTTI_SESSION_CLOSED',
      'TUTTI_SESSION_IN_WAVES',
      'TUTTI_SESSION_ENDED',
    ]);
    expect(world.board.session(open)!.tasks.size).toBe(0);
  });

  it('calls off what was added when the session is cancelled meanwhile', async () => {
    const world = new SimWorld();
    const session = await world.submit(EMPTY, { staysOpen: true });
    await world.settle(world.on().add(session, [smallTask('a'), smallTask('b', { needs: ['a'] })]));
    const waited = world.on().waitForTask(session, 'b');
    const late = world.on().add(session, [smallTask('c')]);
    const cancelled = world.on().cancel(session);
    await world.settle(Promise.allSettled([waited, late, cancelled]));
    expect((await waited).state).toBe('cancelled');
    const { tasks } = world.board.session(session)!;
    for (const { state } of tasks.values()) expect(state).toBe('cancelled');
  });

  it('lets what was added in earlier turns go before the end of the session', async () => {
    const endings = [
      (world: SimWorld, session: string) => world.on().close(session),
      (world: SimWorld, session: string) => world.on().cancel(session),
    ];
    for (const end of endings) {
      const world = new SimWorld({ faults: { applyMsMax: 50 } });
      const session = await world.submit(EMPTY, { staysOpen: true });
      const adds = [world.on().add(session, [smallTask('a')])];
      await world.pass(1);
      adds.push(world.on().add(session, [smallTask('b')]));
      await world.pass(1);
      const ended = end(world, session);
      await world.settle(Promise.all([...adds, ended]));
      expect([...world.board.session(session)!.tasks.keys()]).toEqual(['a', 'b']);
    }
  });

  it('refuses a task without needs from a caller without types, and goes on', async () => {
    const world = new SimWorld();
    const session = await world.submit(EMPTY, { staysOpen: true });
    const { needs: _, ...bad } = smallTask('bad');
    const adds = [bad, smallTask('good')].map((task) => world.on().add(session, [task as PlanTask]));
    const [first, second] = await world.settle(Promise.allSettled(adds));
    expect(first).toMatchObject({ status: 'rejected', reason: { code: 'TUTTI_BOARD_COMMAND_INVALID' } });
    expect(second!.status).toBe('fulfilled');
    await world.settle(world.on().waitForTask(session, 'good'));
  });

  it('refuses as a board of the version before does while the cluster has such a member', () => {
    const board = new TaskBoard({}, () => 2);
    const at = { index: 1 as never, timeMs: 1 };
    const close = { type: 'session.close', session: 's' } as const;
    const open = {
      type: 'session.open',
      session: 's',
      plan: planOf([{ id: 't' }]),
      mode: 'eager',
      folder: '',
    };
    expect(() => board.apply({ type: 'batch', commands: [open, close] }, at)).toThrow(/level 3/);
    expect(board.session('s')).toBeUndefined();
    board.apply(open, at);
    expect([...board.snapshot()][0]).toMatchObject({ items: [{ version: 2 }] });
  });

  it('under any schedule of crashes adds each submission once, and completes each task once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const random = seededRandom(seed);
        const faults = { proposeMsMax: 5, applyMsMax: 20, lost: 0.1, unanswered: 0.15 };
        const world = new SimWorld({ seed, nodes: NODES, faults });
        const session = 's';
        while (!world.board.session(session))
          await world.submit(EMPTY, { session, staysOpen: true }).catch(() => {});
        const ids = Array.from({ length: 12 }, (_, i) => `a${i}`);
        for (const [at, id] of ids.entries()) {
          const needs = ids.slice(0, at).filter(() => random.chance(0.15));
          const task = smallTask(id, {
            needs,
            work: { type: 'simulated', durationMs: random.integer(0, 300) },
          });
          const add = async () => {
            const node = random.pick(world.lives());
            await world.settle(world.on(node).add(session, [task], { submission: id }));
          };
          while (
            !(await add().then(
              () => true,
              () => false,
            ))
          )
            await world.pass(10);
          const node = random.pick(NODES);
          const act = random.integer(0, 4);
          if (act === 0 && world.lives().length > 1 && world.lives().includes(node)) world.kill(node);
          else if (act === 1 && !world.lives().includes(node)) world.boot(node);
          else if (act === 2) world.moveMaster();
        }
        for (const node of NODES) if (!world.lives().includes(node)) world.boot(node);
        while (world.board.session(session)!.intake === 'open')
          await world.settle(world.on().close(session)).catch(() => {});
        const [record] = await world.finish(session);
        expect(record!.state).toBe('done');
        expect([...record!.tasks.keys()]).toEqual(ids);
        for (const task of record!.tasks.values())
          expect([task.state, task.completions]).toEqual(['done', 1]);
      }),
      { numRuns: 40 },
    );
  });
});
