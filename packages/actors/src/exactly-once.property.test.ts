import { seededRandom } from '@tutti/kernel';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isTerminal } from './coordination/board/state.ts';
import type { PlanTask } from './engines/workflow/plan.ts';
import { planOf } from './testing/plan-of.ts';
import { SimWorld } from './testing/sim-world.ts';
import { functionWorker } from './workers/function-worker.ts';

const NODES = ['n1', 'n2', 'n3'];

/**
 * Nodes die and come back, orchestrators and masters crash, the log loses proposals and answers, copies lag, and
 * nodes are called lost that only could not be reached. Then all is healed.
 */
test('under any schedule of crashes every task is completed exactly once, and the session ends', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (seed) => {
      const random = seededRandom(seed);
      const written = new Map<string, Set<number>>();
      const world = new SimWorld({
        seed,
        nodes: NODES,
        faults: { proposeMsMax: 5, applyMsMax: 20, lost: 0.1, unanswered: 0.1 },
        workers: (clock) => [
          functionWorker({
            work: ({ task, fence, with: { durationMs } }) =>
              new Promise((resolve) => {
                clock.setTimer(Number(durationMs), () => {
                  written.set(task, (written.get(task) ?? new Set()).add(fence));
                  resolve({ fence });
                });
              }),
          }),
        ],
      });
      const tasks = Array.from({ length: 14 }, (_, i): Partial<PlanTask> & { id: string } => ({
        id: `t${i}`,
        orchestrator: random.pick(['backend', 'frontend']),
        work: { type: 'function', name: 'work' },
        with: { durationMs: random.integer(0, 800) },
        needs: Array.from({ length: i }, (_, j) => `t${j}`).filter(() => random.chance(0.15)),
        retry: { attemptsMax: 1, backoff: {} },
      }));
      const session = 's';
      await submitUntilThere(world, session, planOf(tasks, { limit: 2 }));
      for (let round = 0; round < 12; round++) {
        await world.pass(random.integer(1, 300));
        hurt(world, random);
      }
      heal(world);
      const [record] = await world.finish(session);
      expect(record!.state).toBe('done');
      for (const task of record!.tasks.values()) {
        expect(task.state).toBe('done');
        expect(task.completions).toBe(1);
        const winners = task.attempts.filter(({ outcome }) => outcome === 'done');
        expect(winners).toHaveLength(1);
        expect(task.output).toEqual({ fence: winners[0]!.fence });
        expect(written.get(task.plan.id)!.has(winners[0]!.fence)).toBe(true);
      }
      await world.pass(5_000);
      for (const node of NODES) {
        const copy = world.on(node).board.module.session(session)!;
        expect([...copy.tasks.values()].every(({ state }) => isTerminal(state))).toBe(true);
        for (const { running, queued } of world.on(node).orchestrators())
          expect([running, queued]).toEqual([0, 0]);
      }
    }),
    { numRuns: 60 },
  );
});

function hurt(world: SimWorld, random: ReturnType<typeof seededRandom>): void {
  const node = random.pick(NODES);
  const lives = world.lives().includes(node);
  switch (random.integer(0, 6)) {
    case 0:
      if (world.lives().length > 1) world.kill(node);
      break;
    case 1:
    case 2:
      if (!lives) world.boot(node);
      break;
    case 3:
      if (lives) world.on(node).crash(random.pick(['backend', 'frontend']));
      break;
    case 4:
      world.moveMaster();
      break;
    case 5:
      if (lives) world.log.cut(node, random.chance(0.5));
      break;
    default:
      if (lives && world.lives().length > 1 && world.masterNode !== node) world.declareLost(node);
  }
}

/** A node that was called lost has to come back with a new life. */
function heal(world: SimWorld): void {
  for (const node of NODES) {
    if (world.lives().includes(node) && world.isUp(node)) world.log.cut(node, false);
    else {
      world.kill(node);
      world.boot(node);
    }
  }
}

async function submitUntilThere(world: SimWorld, session: string, plan: ReturnType<typeof planOf>) {
  while (!world.board.session(session)) await world.submit(plan, { session }).catch(() => {});
}
