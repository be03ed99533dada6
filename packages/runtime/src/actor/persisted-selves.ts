import type { AnyActorLogic, Snapshot } from 'xstate';
import { HostedSelf } from './xstate-self.ts';

type Bag = Record<string, unknown>;

const isObject = (value: unknown): value is Bag => typeof value === 'object' && value !== null;

/**
 * What is kept of a snapshot: as `getPersistedSnapshot` of the logic gives it, but for actors that a context holds by
 * their `self`, which stay refs. XState puts a mark in the place of each that names a child of the machine, and finds
 * nobody for it later.
 */
export function persistedOf(logic: AnyActorLogic, snapshot: Snapshot<unknown>): Snapshot<unknown> {
  const persisted: Snapshot<unknown> = logic.getPersistedSnapshot(snapshot);
  putRefsBack(snapshot, persisted);
  return persisted;
}

function putRefsBack(snapshot: unknown, persisted: unknown): void {
  if (!isObject(snapshot) || !isObject(persisted) || snapshot === persisted) return;
  putBackInto(persisted['context'], snapshot['context']);
  const children = persisted['children'];
  if (!isObject(children)) return;
  for (const [id, child] of Object.entries(snapshot['children'] ?? {})) {
    const kept = children[id] as { readonly snapshot?: unknown } | undefined;
    putRefsBack((child as { getSnapshot(): unknown }).getSnapshot(), kept?.snapshot);
  }
}

/** XState copied the way to each mark, and nothing else: so what is the same is passed over, and what is not is ours. */
function putBackInto(copy: unknown, original: unknown): void {
  if (copy === original || !isObject(copy) || !isObject(original)) return;
  for (const key in copy) {
    const before = original[key];
    if (copy[key] === before) continue;
    if (before instanceof HostedSelf) copy[key] = before.asRef;
    else putBackInto(copy[key], before);
  }
}
