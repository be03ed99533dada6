import { type EventObject, fromTransition } from 'xstate';
import type { Ref, Terminated } from '../actor/ref.ts';
import type { ActorSystem } from '../system/actor-system.ts';

/** An actor for tests: it keeps what it is sent, and the notices about whom it watches. */
export interface Probe {
  readonly ref: Ref;
  /** Every event it was sent, in order. */
  readonly events: readonly EventObject[];
  /** Every notice, in order. */
  readonly terminated: readonly Terminated[];
  watch(ref: Ref): () => void;
}

/** Spawns a probe. */
export function spawnProbe(system: ActorSystem, id?: string): Probe {
  const events: EventObject[] = [];
  const terminated: Terminated[] = [];
  const logic = fromTransition((_: undefined, event: EventObject) => void events.push(event), undefined);
  const ref: Ref = system.spawn(logic, { ...(id !== undefined && { id }), supervise: false });
  return { ref, events, terminated, watch: (other) => other.watch((notice) => terminated.push(notice)) };
}
