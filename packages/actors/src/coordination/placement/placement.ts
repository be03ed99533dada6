/** Somebody who can do work: a node, a process, an agent. */
export interface PlaceableWorker {
  /** Unique in its index. */
  readonly id: string;
  readonly capabilities: readonly string[];
  /** Such as `{ zone: 'a', tier: 'fast' }`. */
  readonly tags: Readonly<Record<string, string>>;
  /** Tasks at once, a whole number from 1 up. */
  readonly capacity: number;
}

/** What a task asks of whoever is to do it. */
export interface PlacementRequest {
  /** All of them are needed. */
  readonly capabilities: readonly string[];
  /** Tags that the worker must have; default none. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Affinity: a tag that the worker should have. Others are taken only when all that have it are full. */
  readonly prefer?: { readonly tag: string; readonly value: string };
  /** Anti-affinity: tasks of the same `group` are spread evenly over the values of a tag. Comes after affinity. */
  readonly spread?: { readonly over: string; readonly group: string };
}

/** A decision: who gets the task, and what it was decided on. */
export interface Placed {
  readonly worker: string;
  /** What it had in use before, and has in all. */
  readonly busy: number;
  readonly capacity: number;
  /** Whether it has the tag that was preferred; true where none was. */
  readonly isPreferred: boolean;
  /** Tasks of the same group under the worker's value of the spread tag, before; 0 where nothing is spread. */
  readonly sameGroup: number;
  /** How many candidates were looked at: one for each kind of worker that fits, however many workers are of a kind. */
  readonly examined: number;
}

/** A decision in words. */
export function placedInWords({ worker, busy, capacity, isPreferred, sameGroup, examined }: Placed): string {
  const affinity = isPreferred ? '' : ', since nobody preferred has room';
  const spread = sameGroup > 0 ? `, beside ${sameGroup} of its group` : '';
  return `${worker}: ${busy} of ${capacity} slots in use, the least of ${examined} kinds that fit${affinity}${spread}`;
}
