import type { ActorSystem } from '@tutti/runtime';
import { type AnyActorLogic, fromTransition } from 'xstate';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { nextTurn } from '../../harness/load.ts';
import { Arrivals, mustEqual } from './arrivals.ts';
import { localSystem } from './local-system.ts';
import { countingMachine } from './machines.ts';
import { ADD } from './one-way.ts';

const SPAWNS_PER_TURN = 10_000;
const SENDS_PER_TURN = 10_000;

export async function manyReducers(sizes: Sizes): Promise<Measurement> {
  const arrivals = new Arrivals();
  const logic = fromTransition((n: number, _event: { type: 'ADD' }) => {
    arrivals.arrive();
    return n + 1;
  }, 0);
  return await measure(sizes, 'reducer', logic, arrivals);
}

export async function manyMachines(sizes: Sizes): Promise<Measurement> {
  const arrivals = new Arrivals();
  return await measure(sizes, 'machine', countingMachine(arrivals), arrivals);
}

async function measure(
  { actors = 0 }: Sizes,
  kind: string,
  logic: AnyActorLogic,
  arrivals: Arrivals,
): Promise<Measurement> {
  const system = localSystem();
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  const spawning = performance.now();
  const prefix = await spawnAll(system, logic, actors);
  const spawnedS = (performance.now() - spawning) / 1_000;
  globalThis.gc?.();
  // The whole process, the empty node included: that is what a million of them have to fit in.
  const { rss } = process.memoryUsage();
  const reaching = performance.now();
  for (let i = 0; i < actors; i++) {
    system.ref(`${prefix}a${i}`).send(ADD);
    if (i % SENDS_PER_TURN === 0) await nextTurn();
  }
  await arrivals.until(actors);
  const reachedS = (performance.now() - reaching) / 1_000;
  globalThis.gc?.();
  const usedBytes = process.memoryUsage().rss / actors;
  mustEqual('actors reached', arrivals.count, actors);
  mustEqual('live actors', system.actorCount, actors);
  return {
    figures: {
      [`${kind}-bytes`]: rss / actors,
      [`${kind}-growth`]: (rss - before) / actors,
      [`${kind}-rss`]: rss,
      [`${kind}-sweep`]: reachedS * 1_000,
      [`${kind}-used-bytes`]: usedBytes,
      [`${kind}-spawn`]: actors / spawnedS,
      [`${kind}-reach`]: actors / reachedS,
    },
    verified: `${arrivals.count} messages to as many addresses, all handled`,
  };
}

/** Spawns them all, lets each compute its first state, and gives what their addresses begin with. */
async function spawnAll(system: ActorSystem, logic: AnyActorLogic, actors: number): Promise<string> {
  const first = system.spawn(logic, { id: 'a0' }).address;
  for (let i = 1; i < actors - 1; i++) {
    system.spawn(logic, { id: `a${i}` });
    if (i % SPAWNS_PER_TURN === 0) await nextTurn();
  }
  // They start in the order in which they were spawned, and an actor's subscribers hear of its first state.
  const last = system.spawn(logic, { id: `a${actors - 1}` });
  await new Promise<void>((resolve) => void last.subscribe(() => resolve()));
  return first.slice(0, first.lastIndexOf('/') + 1);
}
