import type { EventObject, Snapshot } from 'xstate';
import { HostedSelf } from '../actor/xstate-self.ts';
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

interface Inspected {
  /** The node's id. */
  readonly rootId: string;
  readonly actorRef: InspectedRef;
}

/** An inspection event of XState 5: what `createActor(logic, { inspect })` would give. */
export type InspectionEvent =
  | (Inspected & { readonly type: '@xstate.actor' })
  | (Inspected & {
      readonly type: '@xstate.event';
      /** Who sent it; undefined when that was no actor, or one of another node. */
      readonly sourceRef: InspectedRef | undefined;
      readonly event: EventObject;
    })
  | (Inspected & {
      readonly type: '@xstate.microstep' | '@xstate.snapshot';
      readonly event: EventObject;
      readonly snapshot: Snapshot<unknown>;
    })
  | (Inspected & {
      readonly type: '@xstate.action';
      readonly action: { readonly type: string; readonly params: unknown };
    });

/**
 * Shows a node's actors, and what machines spawn and invoke inside themselves, to an inspector made for XState, such as
 * Stately's: what `createActor` shows one, in its order. An event from outside a machine is shown when it is handled,
 * and not when it is sent: it may wait, or come from another node. Returns the function that ends it.
 */
export function inspectActors(system: ActorSystem, observer: (event: InspectionEvent) => void): () => void {
  const rootId = system.nodeId;
  const refs = new WeakMap<RecordedActor, InspectedRef>();
  const refOf = (actor: RecordedActor): InspectedRef => {
    let ref = refs.get(actor);
    if (!ref) refs.set(actor, (ref = inspected(actor, refOf)));
    return ref;
  };
  // The present life of an actor is one of many; what runs inside it has a ref of XState's own.
  const shown = (ref: unknown): unknown => (ref instanceof HostedSelf ? refOf(ref.cell) : ref);
  return system.record({
    inspected: (event) => {
      const actorRef = shown(event.actorRef);
      const source = 'sourceRef' in event ? { sourceRef: shown(event['sourceRef']) } : {};
      observer({ ...event, ...source, actorRef, rootId } as InspectionEvent);
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
