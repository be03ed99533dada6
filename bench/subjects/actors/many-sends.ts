import { type AnyActorLogic, createActor, fromTransition } from 'xstate';
import type { Measurement, Point, Sizes } from '../../harness/case.ts';
import { nextTurn } from '../../harness/load.ts';
import { Arrivals, mustEqual } from './arrivals.ts';
import { localSystem } from './local-system.ts';
import { ADD } from './one-way.ts';

const SENDS = 200_000;
const SENDS_PER_TURN = 10_000;
const WARM_UP = 10_000;
/** Coprime to every power of ten, so that the sends go round all actors. */
const STRIDE = 7_919;

/** Actors that are there: how to make them, to reach one by its number, and to end them. */
interface Population {
  readonly send: (actor: number) => void;
  readonly end: () => Promise<unknown> | void;
}

/** The cost of a spawn, of a send, and of being there, at 10^3 to 10^x actors that are all alive. */
function sweep(exponentName: string, make: (logic: AnyActorLogic, count: number) => Population) {
  return async (sizes: Sizes): Promise<Measurement> => {
    const curves = { spawn: [] as Point[], send: [] as Point[], memory: [] as Point[] };
    // Once before it counts: code that is not compiled yet would make every slope too flat.
    await measure(make, WARM_UP);
    for (let exponent = 3; exponent <= sizes[exponentName]!; exponent++) {
      const x = 10 ** exponent;
      const { spawnUs, sendUs, bytes } = await measure(make, x);
      curves.spawn.push({ x, y: spawnUs });
      curves.send.push({ x, y: sendUs });
      curves.memory.push({ x, y: bytes });
    }
    const last = (points: readonly Point[]) => points.at(-1)!.y;
    return {
      figures: { spawn: last(curves.spawn), send: last(curves.send), bytes: last(curves.memory) },
      curves,
      verified: `${SENDS} messages counted at each number of actors`,
    };
  };
}

async function measure(make: Parameters<typeof sweep>[1], count: number) {
  const arrivals = new Arrivals();
  const logic = fromTransition((n: number, _event: { type: 'ADD' }) => {
    arrivals.arrive();
    return n + 1;
  }, 0);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const spawning = performance.now();
  const { send, end } = make(logic, count);
  await nextTurn();
  const spawnUs = ((performance.now() - spawning) * 1_000) / count;
  globalThis.gc?.();
  const bytes = (process.memoryUsage().heapUsed - before) / count;
  const sending = performance.now();
  for (let i = 0; i < SENDS; i++) {
    send((i * STRIDE) % count);
    if (i % SENDS_PER_TURN === 0) await nextTurn();
  }
  await arrivals.until(SENDS);
  const sendUs = ((performance.now() - sending) * 1_000) / SENDS;
  mustEqual('messages handled', arrivals.count, SENDS);
  await end();
  return { spawnUs, sendUs, bytes };
}

export const tuttiActors = sweep('exponentMax', (logic, count) => {
  const system = localSystem();
  const refs = Array.from({ length: count }, () => system.spawn(logic));
  return { send: (actor) => refs[actor]!.send(ADD), end: () => system.stop() };
});

export const xstateActors = sweep('peerExponentMax', (logic, count) => {
  const actors = Array.from({ length: count }, () => createActor(logic).start());
  return {
    send: (actor) => actors[actor]!.send(ADD),
    end: () => actors.forEach((actor) => actor.stop()),
  };
});
