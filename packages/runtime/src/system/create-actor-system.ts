import type { ActorSystem, ActorSystemOptions } from './actor-system.ts';
import { LocalActorSystem } from './local-actor-system.ts';

/** Makes the actor system of one node. @throws TuttiError `TUTTI_CONFIG_INVALID` for limits that cannot be */
export function createActorSystem(options: ActorSystemOptions): ActorSystem {
  return new LocalActorSystem(options);
}
