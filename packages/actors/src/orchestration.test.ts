import { expect, test } from 'vitest';
import { planOf } from './testing/plan-of.ts';
import { SimWorld } from './testing/sim-world.ts';

test('a diamond runs to its end, and its two sides at the same time', async () => {
  const world = new SimWorld();
  const plan = planOf([
    { id: 'top' },
    { id: 'left', needs: ['top'] },
    { id: 'right', needs: ['top'] },
    { id: 'bottom', needs: ['left', 'right'] },
  ]);
  const session = await submit(world, plan);
  const [record] = await world.finish(session);
  expect(record!.state).toBe('done');
  expect(record!.endedAt! - record!.openedAt).toBe(3_000);
});

async function submit(world: SimWorld, ...args: Parameters<ReturnType<SimWorld['on']>['submit']>) {
  let session: string | undefined;
  const submitted = world
    .on()
    .submit(...args)
    .then((id) => {
      session = id;
    });
  await world.until(() => session !== undefined);
  await submitted;
  return session!;
}
