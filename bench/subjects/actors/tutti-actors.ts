import { type ActorLimits, type ActorSystem, type Ref, replying } from '@tutti/runtime';
import { type AnyActorLogic, type EventObject, fromTransition } from 'xstate';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { Histogram } from '../../harness/histogram.ts';
import { batchRate } from '../../harness/load.ts';
import { Arrivals, mustEqual } from './arrivals.ts';
import { localSystem } from './local-system.ts';
import { countingMachine, togglingMachine } from './machines.ts';
import { ADD, measureOneWay } from './one-way.ts';

const US_PER_MS = 1_000;

export function oneWayReducer(sizes: Sizes): Promise<Measurement> {
  return measureReducer(localSystem(), sizes);
}

/** The same with one part of the scheduler switched off. */
export function oneWayReducerWith(limits: ActorLimits) {
  return (sizes: Sizes): Promise<Measurement> => measureReducer(localSystem(limits), sizes);
}

async function measureReducer(system: ActorSystem, sizes: Sizes): Promise<Measurement> {
  const arrivals = new Arrivals();
  const ref = system.spawn(
    fromTransition((n: number, _event: { type: 'ADD' }) => {
      arrivals.arrive();
      return n + 1;
    }, 0),
  );
  const handled = () => stateOf(ref).then(({ context }) => context);
  return await measureOneWay(sizes, () => ref.send(ADD), arrivals, handled);
}

export async function oneWayMachine(sizes: Sizes): Promise<Measurement> {
  const flat = await machineRate(sizes, countingMachine);
  const guarded = await machineRate(sizes, togglingMachine);
  return {
    figures: { rate: flat.rate, guarded: guarded.rate },
    verified: `${flat.verified}; ${guarded.verified}`,
  };
}

async function machineRate(
  sizes: Sizes,
  make: typeof countingMachine | typeof togglingMachine,
): Promise<{ rate: number; verified: string }> {
  const arrivals = new Arrivals();
  const ref = localSystem().spawn(make(arrivals));
  const handled = () => stateOf(ref).then(({ context }) => context.n);
  const { figures, verified } = await measureOneWay(sizes, () => ref.send(ADD), arrivals, handled);
  return { rate: figures['rate']!, verified };
}

/** The state is asked for when all is over, so that nobody pays for an observer meanwhile. */
export function stateOf<Snapshot>(ref: Pick<Ref<EventObject, Snapshot>, 'subscribe'>): Promise<Snapshot> {
  return new Promise((resolve) => {
    const unsubscribe = ref.subscribe((snapshot) => {
      resolve(snapshot);
      queueMicrotask(() => unsubscribe());
    });
  });
}

interface Ball {
  readonly type: 'BALL';
  readonly left: number;
}

export async function pingPong({ warmUpMs, durationMs, batch }: Sizes): Promise<Measurement> {
  const system = localSystem();
  let finished = () => {};
  let touches = 0;
  const player = (other: () => { send(event: Ball): void }) =>
    fromTransition((seen: number, { left }: Ball) => {
      touches++;
      if (left > 0) other().send({ type: 'BALL', left: left - 1 });
      else finished();
      return seen + 1;
    }, 0);
  const ping: { send(event: Ball): void } = system.spawn(player(() => pong));
  const pong: { send(event: Ball): void } = system.spawn(player(() => ping));
  let expected = 0;
  const rate = await batchRate({ warmUpMs: warmUpMs!, durationMs: durationMs! }, batch!, async () => {
    expected += 2 * batch!;
    await new Promise<void>((resolve) => {
      finished = resolve;
      ping.send({ type: 'BALL', left: 2 * batch! - 1 });
    });
  });
  mustEqual('touches of the ball', touches, expected);
  return { figures: { rate }, verified: `${touches} touches counted for ${expected / 2} round trips` };
}

/** Answers with how often it was asked. */
export const counting = replying((n: number, _event: { type: 'GET' }, reply) => {
  reply(n + 1);
  return n + 1;
}, 0);

export function ask(sizes: Sizes): Promise<Measurement> {
  return measureAsk(localSystem().spawn(counting), sizes);
}

export async function measureAsk(
  ref: Ref<{ type: 'GET' }>,
  { warmUpMs, asks, inFlight }: Sizes,
): Promise<Measurement> {
  const request = { type: 'GET' } as const;
  const until = performance.now() + warmUpMs!;
  let answered = 0;
  while (performance.now() < until) answered = await ref.ask<number>(request);
  const latency = new Histogram();
  for (let i = 0; i < asks!; i++) {
    const start = performance.now();
    const answer = await ref.ask<number>(request);
    latency.record((performance.now() - start) * US_PER_MS);
    mustEqual('the answer', answer, ++answered);
  }
  const rate = await batchRate({ warmUpMs: warmUpMs!, durationMs: warmUpMs! }, inFlight!, async () => {
    const answers = await Promise.all(Array.from({ length: inFlight! }, () => ref.ask<number>(request)));
    answered += inFlight!;
    mustEqual('the last answer', answers.at(-1)!, answered);
  });
  return {
    figures: { together: 1e6 / rate },
    histograms: { ask: latency.pack() },
    verified: `${answered} answers, each the next number`,
  };
}

export async function spawnStop(sizes: Sizes): Promise<Measurement> {
  const arrivals = new Arrivals();
  const reducer = fromTransition((n: number, _event: { type: 'ADD' }) => n + 1, 0);
  return {
    figures: {
      reducer: await lifeRate(sizes, reducer),
      machine: await lifeRate(sizes, countingMachine(arrivals)),
    },
    verified: 'every actor told its watcher of its end, and none was left',
  };
}

async function lifeRate({ warmUpMs, durationMs, batch }: Sizes, logic: AnyActorLogic): Promise<number> {
  const system = localSystem();
  return await batchRate({ warmUpMs: warmUpMs!, durationMs: durationMs! }, batch!, async () => {
    const refs = Array.from({ length: batch! }, () => system.spawn(logic));
    await Promise.all(refs.map((ref) => ref.stop()));
    mustEqual('actors left', system.actorCount, 0);
  });
}
