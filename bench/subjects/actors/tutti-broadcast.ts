import { createNode } from 'tutti';
import { fromTransition } from 'xstate';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { Arrivals } from './arrivals.ts';
import { measureBroadcast } from './broadcast.ts';
import { ADD } from './one-way.ts';
import { stateOf } from './tutti-actors.ts';

export async function topic(sizes: Sizes): Promise<Measurement> {
  const arrivals = new Arrivals();
  const node = createNode({ orchestration: false });
  await node.start();
  const ticks = node.topic<typeof ADD>('ticks');
  const counter = fromTransition((n: number, _event: typeof ADD) => {
    arrivals.arrive();
    return n + 1;
  }, 0);
  const refs = Array.from({ length: sizes['subscribers']! }, () => node.spawn(counter));
  for (const ref of refs) ticks.subscribe(ref);
  const counts = async () => (await Promise.all(refs.map(stateOf))).map(({ context }) => context);
  const measured = await measureBroadcast(sizes, { publish: () => ticks.publish(ADD), arrivals, counts });
  await node.stop();
  return measured;
}
