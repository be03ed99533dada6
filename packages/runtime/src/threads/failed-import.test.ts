import { expect, it } from 'vitest';
import { replying } from '../actor/reply.ts';
import { threadWorld } from '../testing/thread-world.ts';

const supervise = { intensity: { restarts: 100, withinMs: 1_000 }, backoff: { initialMs: 20, maxMs: 20 } };

it('a thread in which an import has failed ends with the last actor in it, since it would fail there ever after', async () => {
  const world = threadWorld(
    { fine: replying((n: number, _event, answer) => (answer(n), n + 1), 0) },
    { size: 1 },
  );
  const fine = world.place('fine');
  expect(await world.settle(fine.ask({ type: 'x' }))).toBe(0);
  world.place('missing', { supervise: { ...supervise, intensity: { restarts: 2, withinMs: 1_000 } } });
  await world.pass(500);
  expect(world.threads.map(({ isOver }) => isOver)).toEqual([false]);
  expect(await world.settle(fine.ask({ type: 'x' }))).toBe(1);
  world.place('missing', { supervise });
  await world.pass(50);
  await world.settle(fine.stop());
  await world.pass(100);
  expect(world.threads.length).toBeGreaterThan(2);
  expect(world.threads[0]!.isOver).toBe(true);
});
