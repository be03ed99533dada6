import * as nact from 'nact';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { batchRate } from '../../harness/load.ts';
import { Arrivals } from './arrivals.ts';
import { ADD, measureOneWay } from './one-way.ts';

/** Whatever nact gives for an actor: its type says nothing of it. */
type Player = Parameters<typeof nact.dispatch>[0];

export async function oneWay(sizes: Sizes): Promise<Measurement> {
  const arrivals = new Arrivals();
  let latest = 0;
  const ref = nact.spawn(nact.start(), (n: number | undefined) => {
    arrivals.arrive();
    return (latest = (n ?? 0) + 1);
  });
  return await measureOneWay(
    sizes,
    () => nact.dispatch(ref, ADD),
    arrivals,
    () => latest,
  );
}

export async function pingPong({ warmUpMs, durationMs, batch }: Sizes): Promise<Measurement> {
  const system = nact.start();
  let finished = () => {};
  let touches = 0;
  const player = (other: () => Player) =>
    nact.spawn(system, (seen: number | undefined, { left }: { left: number }) => {
      touches++;
      if (left > 0) nact.dispatch(other(), { left: left - 1 });
      else finished();
      return (seen ?? 0) + 1;
    });
  const ping: Player = player(() => pong);
  const pong: Player = player(() => ping);
  let expected = 0;
  const rate = await batchRate({ warmUpMs: warmUpMs!, durationMs: durationMs! }, batch!, async () => {
    expected += 2 * batch!;
    await new Promise<void>((resolve) => {
      finished = resolve;
      nact.dispatch(ping, { left: 2 * batch! - 1 });
    });
  });
  if (touches !== expected) throw new Error(`${touches} touches instead of ${expected}`);
  return { figures: { rate }, verified: `${touches} touches counted` };
}

export async function spawnStop({ warmUpMs, durationMs, batch }: Sizes): Promise<Measurement> {
  const system = nact.start();
  const reducer = await batchRate({ warmUpMs: warmUpMs!, durationMs: durationMs! }, batch!, () => {
    const refs = Array.from({ length: batch! }, () =>
      nact.spawn(system, (n: number | undefined) => (n ?? 0) + 1),
    );
    for (const ref of refs) nact.stop(ref);
  });
  return { figures: { reducer }, verified: 'stop is synchronous; nact has no notice of an end to count' };
}
