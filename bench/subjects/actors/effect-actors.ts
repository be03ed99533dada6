import { Effect, Fiber, PubSub, Queue } from 'effect';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { batchRate } from '../../harness/load.ts';
import { Arrivals, mustEqual } from './arrivals.ts';
import { measureBroadcast } from './broadcast.ts';
import { ADD, measureOneWay } from './one-way.ts';

/** A fiber that takes from a queue for ever: what an actor is in effect's own terms, without supervision or address. */
function serve<Message>(queue: Queue.Queue<Message>, handle: (message: Message) => void) {
  const turn = Queue.take(queue).pipe(Effect.map(handle), Effect.forever);
  return Effect.runFork(turn);
}

export async function oneWay(sizes: Sizes): Promise<Measurement> {
  const arrivals = new Arrivals();
  let count = 0;
  const queue = await Effect.runPromise(Queue.unbounded<typeof ADD>());
  const fiber = serve(queue, () => {
    arrivals.arrive();
    count++;
  });
  const measured = await measureOneWay(
    sizes,
    () => void Queue.offerUnsafe(queue, ADD),
    arrivals,
    () => count,
  );
  await Effect.runPromise(Fiber.interrupt(fiber));
  return measured;
}

interface Ball {
  readonly left: number;
}

export async function pingPong({ warmUpMs, durationMs, batch }: Sizes): Promise<Measurement> {
  const [ping, pong] = await Promise.all([
    Effect.runPromise(Queue.unbounded<Ball>()),
    Effect.runPromise(Queue.unbounded<Ball>()),
  ]);
  let finished = () => {};
  let touches = 0;
  const player =
    (other: Queue.Queue<Ball>) =>
    ({ left }: Ball) => {
      touches++;
      if (left > 0) Queue.offerUnsafe(other, { left: left - 1 });
      else finished();
    };
  serve(ping, player(pong));
  serve(pong, player(ping));
  let expected = 0;
  const rate = await batchRate({ warmUpMs: warmUpMs!, durationMs: durationMs! }, batch!, async () => {
    expected += 2 * batch!;
    await new Promise<void>((resolve) => {
      finished = resolve;
      Queue.offerUnsafe(ping, { left: 2 * batch! - 1 });
    });
  });
  mustEqual('touches of the ball', touches, expected);
  return { figures: { rate }, verified: `${touches} touches counted` };
}

export async function spawnStop({ warmUpMs, durationMs, batch }: Sizes): Promise<Measurement> {
  let [born, ended] = [0, 0];
  const life = Effect.gen(function* () {
    const queues = yield* Effect.all(Array.from({ length: batch! }, () => Queue.unbounded<typeof ADD>()));
    const fibers = queues.map((queue) => serve(queue, () => {}));
    born += fibers.length;
    yield* Fiber.interruptAll(fibers);
    ended += (yield* Fiber.awaitAll(fibers)).length;
  });
  const reducer = await batchRate({ warmUpMs: warmUpMs!, durationMs: durationMs! }, batch!, () =>
    Effect.runPromise(life),
  );
  mustEqual('fibers that ended', ended, born);
  return { figures: { reducer }, verified: `${ended} fibers told of their end` };
}

export function broadcast(sizes: Sizes): Promise<Measurement> {
  const arrivals = new Arrivals();
  const counts = new Array<number>(sizes['subscribers']!).fill(0);
  const program = Effect.gen(function* () {
    const ticks = yield* PubSub.unbounded<typeof ADD>();
    for (let i = 0; i < counts.length; i++) {
      const subscription = yield* PubSub.subscribe(ticks);
      const turn = Effect.map(PubSub.take(subscription), () => {
        counts[i]!++;
        arrivals.arrive();
      });
      Effect.runFork(Effect.forever(turn));
    }
    const publish = () => void PubSub.publishUnsafe(ticks, ADD);
    return yield* Effect.promise(() => measureBroadcast(sizes, { publish, arrivals, counts: () => counts }));
  });
  return Effect.runPromise(Effect.scoped(program));
}
