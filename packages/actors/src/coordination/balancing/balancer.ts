import type { Random } from '@tutti/kernel';
import type { Holder } from '../board/commands.ts';

/** One orchestrator on one node, as a place for a task. */
export interface Slot extends Holder {
  /** Attempts it holds, assigned and running, over all sessions. */
  readonly busy: number;
  /** Most that it may hold; the slot is only offered while `busy` is less. */
  readonly limit: number;
  /** Attempts held by all orchestrators of its node. */
  readonly nodeBusy: number;
}

/** A choice, and why it was made, for `explain` and the assignment's record. */
export interface Choice {
  readonly slot: Slot;
  readonly why: string;
}

/** Chooses among slots that all have room; there is at least one. */
export type Balancer = (slots: readonly Slot[], random: Random) => Choice;

/**
 * The slot with the least part of its limit in use, then on the node with the least in all; chance decides between
 * equals, so that several masters in a row do not all begin with the same node.
 */
export const leastLoaded: Balancer = (slots, random) => {
  let best: Slot[] = [];
  for (const slot of slots) {
    const order = best[0] ? compareLoad(slot, best[0]) : -1;
    if (order < 0) best = [slot];
    else if (order === 0) best.push(slot);
  }
  const slot = best.length === 1 ? best[0]! : random.pick(best);
  const among =
    slots.length === 1 ? 'the only node with room' : `the least of ${slots.length} nodes with room`;
  return { slot, why: `least loaded: ${slot.busy} of ${slot.limit} slots on ${slot.node} in use, ${among}` };
};

/** Takes the slots in turn, by node name, whatever their load: the one after the last that was chosen. */
export function roundRobin(): Balancer {
  let last = '';
  return (slots) => {
    const byName = [...slots].sort((a, b) => (a.node < b.node ? -1 : 1));
    const slot = byName.find((candidate) => candidate.node > last) ?? byName[0]!;
    const after = last;
    last = slot.node;
    return { slot, why: `round robin: ${slot.node} ${after ? `comes after ${after}` : 'is the first'}` };
  };
}

/**
 * The less loaded of two drawn by chance: nearly as even as asking all, and it does not send everybody to the same
 * node when loads are known late (M. Mitzenmacher, The power of two choices, IEEE TPDS 12(10), 2001).
 */
export const powerOfTwo: Balancer = (slots, random) => {
  if (slots.length === 1) return leastLoaded(slots, random);
  const first = random.integer(0, slots.length - 1);
  const second = (first + random.integer(1, slots.length - 1)) % slots.length;
  const [a, b] = [slots[first]!, slots[second]!];
  const slot = compareLoad(a, b) <= 0 ? a : b;
  return { slot, why: `power of two: ${slot.node} is the less loaded of ${a.node} and ${b.node}` };
};

function compareLoad(a: Slot, b: Slot): number {
  return a.busy / a.limit - b.busy / b.limit || a.nodeBusy - b.nodeBusy;
}
