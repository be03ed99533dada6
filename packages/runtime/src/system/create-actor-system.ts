import type { ActorSystem, ActorSystemOptions } from './actor-system.ts';
import { LocalActorSystem } from './local-actor-system.ts';

/** Makes the actor system of one node. */
export function createActorSystem(options: ActorSystemOptions): ActorSystem {
  return new LocalActorSystem(options);
}
