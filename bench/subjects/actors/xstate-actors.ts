import { type AnyActorLogic, createActor, fromTransition } from 'xstate';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { batchRate } from '../../harness/load.ts';
import { Arrivals } from './arrivals.ts';
import { countingMachine, togglingMachine } from './machines.ts';
import { ADD, measureOneWay } from './one-way.ts';

export async function oneWayReducer(sizes: Sizes): Promise<Measurement> {
  const arrivals = new Arrivals();
  const actor = createActor(
    fromTransition((n: number, _event: { type: 'ADD' }) => {
      arrivals.arrive();
      return n + 1;
    }, 0),
  ).start();
  return await measureOneWay(
    sizes,
    () => actor.send(ADD),
    arrivals,
    () => actor.getSnapshot().context,
  );
}

export async function oneWayMachine(sizes: Sizes): Promise<Measurement> {
  const rateOf = async (make: typeof countingMachine | typeof togglingMachine) => {
    const arrivals = new Arrivals();
    const actor = createActor(make(arrivals)).start();
    return await measureOneWay(
      sizes,
      () => actor.send(ADD),
      arrivals,
      () => actor.getSnapshot().context.n,
    );
  };
  const flat = await rateOf(countingMachine);
  const guarded = await rateOf(togglingMachine);
  return {
    figures: { rate: flat.figures['rate']!, guarded: guarded.figures['rate']! },
    verified: `${flat.verified}; ${guarded.verified}`,
  };
}

export async function spawnStop({ warmUpMs, durationMs, batch }: Sizes): Promise<Measurement> {
  let ended = 0;
  const lifeRate = (logic: AnyActorLogic) =>
    batchRate({ warmUpMs: warmUpMs!, durationMs: durationMs! }, batch!, () => {
      const actors = Array.from({ length: batch! }, () => createActor(logic).start());
      for (const actor of actors) {
        actor.stop();
        if (actor.getSnapshot().status === 'stopped') ended++;
      }
      if (ended % batch! !== 0) throw new Error('an actor did not stop');
    });
  const reducer = fromTransition((n: number) => n + 1, 0);
  const figures = {
    reducer: await lifeRate(reducer),
    machine: await lifeRate(countingMachine(new Arrivals())),
  };
  return { figures, verified: `${ended} actors were stopped by their own word` };
}

export async function manyMachines({ actors }: Sizes): Promise<Measurement> {
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  const arrivals = new Arrivals();
  const machine = countingMachine(arrivals);
  const spawning = performance.now();
  const all = Array.from({ length: actors! }, () => createActor(machine).start());
  const spawnedS = (performance.now() - spawning) / 1_000;
  globalThis.gc?.();
  const { rss } = process.memoryUsage();
  const reaching = performance.now();
  for (const actor of all) actor.send(ADD);
  const reachedS = (performance.now() - reaching) / 1_000;
  if (arrivals.count !== actors) throw new Error(`${arrivals.count} of ${actors} were reached`);
  return {
    figures: {
      'machine-bytes': rss / actors,
      'machine-growth': (rss - before) / actors,
      'machine-spawn': actors / spawnedS,
      'machine-reach': actors / reachedS,
    },
    verified: `${arrivals.count} actors reached, each once`,
  };
}
