import { incarnation, nodeId, randomIds, seededRandom, silentLogger, systemClock } from '@tutti/kernel';
import { type ActorLimits, type ActorSystem, createActorSystem, type ThreadOptions } from '@tutti/runtime';

/** An actor system as `createNode` makes it, without the cluster around it. */
export function localSystem(limits: ActorLimits = {}, threads?: ThreadOptions): ActorSystem {
  const random = seededRandom(1);
  return createActorSystem({
    nodeId: nodeId('bench'),
    incarnation: incarnation(1),
    clock: systemClock,
    random,
    ids: randomIds(random.fork('ids')),
    logger: silentLogger,
    limits,
    ...(threads && { threads }),
  });
}
