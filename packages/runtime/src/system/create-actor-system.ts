import { assert } from '@tutti/kernel';
import type { ActorSystem, ActorSystemOptions } from './actor-system.ts';

/** Makes the actor system of one node. */
export function createActorSystem(options: ActorSystemOptions): ActorSystem {
  assert(options.nodeId === '', 'the body of the actor system is in place');
  throw new Error();
}
