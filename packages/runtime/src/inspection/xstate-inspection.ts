import type { EventObject, Snapshot } from 'xstate';
import type { ActorSystem } from '../system/actor-system.ts';
import type { RecordedActor } from './recorder.ts';

/** As much of XState's `ActorRef` as its inspectors read. */
export interface InspectedRef {
  readonly id: string;
  /** The address. */
  readonly sessionId: string;
  readonly _parent: InspectedRef | undefined;
  getSnapshot(): Snapshot<unknown> | undefined;
  toJSON(): { readonly xstate$$type: 1; readonly id: string };
}

/** An inspection event of XState 5: what `createActor(logic, { inspect })` would give. */
export type InspectionEvent =
  | {
      readonly type: '@xstate.actor';
      readonly rootId: string;
      readonly actorRef: InspectedRef;
      readonly snapshot: unknown;
    }
  | {
      readonly type: '@xstate.event';
      readonly rootId: string;
      readonly actorRef: InspectedRef;
      readonly sourceRef: undefined;
      readonly event: EventObject;
    }
  | {
      readonly type: '@xstate.snapshot';
      readonly rootId: string;
      readonly actorRef: InspectedRef;
      readonly event: EventObject;
      readonly snapshot: Snapshot<unknown>;
    };

/**
 * Shows a node's actors to an inspector made for XState, such as Stately's: each actor that begins, each event that is
 * handled, each snapshot. Who sent an event is not known here, so `sourceRef` is undefined; children that a machine
 * spawns inside itself, and microsteps, are not shown. Returns the function that ends it.
 */
export function inspectActors(system: ActorSystem, observer: (event: InspectionEvent) => void): () => void {
  const rootId = system.nodeId;
  const refs = new WeakMap<RecordedActor, InspectedRef>();
  const refOf = (actor: RecordedActor): InspectedRef => {
    let ref = refs.get(actor);
    if (!ref) refs.set(actor, (ref = inspected(actor, refOf)));
    return ref;
  };
  return system.record({
    started: (actor, snapshot) =>
      observer({ type: '@xstate.actor', rootId, actorRef: refOf(actor), snapshot }),
    handled: (actor, event, snapshot) => {
      const actorRef = refOf(actor);
      observer({ type: '@xstate.event', rootId, actorRef, sourceRef: undefined, event });
      observer({ type: '@xstate.snapshot', rootId, actorRef, event, snapshot });
    },
  });
}

function inspected(actor: RecordedActor, refOf: (actor: RecordedActor) => InspectedRef): InspectedRef {
  const { id, address, parent } = actor;
  // The guardian has no id, and is nobody's parent to the eye of an inspector.
  const isTop = parent === undefined || parent.id === '';
  return {
    id,
    sessionId: address,
    _parent: isTop ? undefined : refOf(parent),
    getSnapshot: () => actor.snapshot,
    toJSON: () => ({ xstate$$type: 1, id }),
  };
}
