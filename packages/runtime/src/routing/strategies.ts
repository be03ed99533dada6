import type { EventObject } from 'xstate';
import type { Ref } from '../actor/ref.ts';
import { LocalRef } from '../system/local-ref.ts';
import { HashRing } from './hash-ring.ts';

/**
 * How a router chooses. `round-robin`: one after the other. `random`: any. `least-mailbox`: the one with the fewest
 * messages waiting, of several the one whose turn it is; those of other nodes count as fuller than any of this node,
 * since nobody knows. `consistent-hash`: the same one for the same key, as long as it is there. `broadcast`: all of them.
 * `scatter-gather`: all of them, and the first answer counts.
 */
export type RouterStrategy =
  | 'round-robin'
  | 'random'
  | 'least-mailbox'
  | 'consistent-hash'
  | 'broadcast'
  | 'scatter-gather';

/** Picks the routees of one event; the list is not empty, and another list when the routees have changed. */
export type Choose = (event: EventObject, routees: readonly Ref[]) => readonly Ref[];

const depthOf = (ref: Ref): number => (ref instanceof LocalRef ? ref.mailboxDepth : Infinity);

function roundRobin(): (routees: readonly Ref[]) => Ref {
  let turn = 0;
  return (routees) => {
    const chosen = routees[turn % routees.length]!;
    turn = (turn + 1) % Math.max(1, routees.length);
    return chosen;
  };
}

function leastMailbox(): (routees: readonly Ref[]) => Ref {
  let turn = 0;
  return (routees) => {
    let best = routees[turn % routees.length]!;
    let depth = depthOf(best);
    for (let i = 1; i < routees.length && depth > 0; i++) {
      const other = routees[(turn + i) % routees.length]!;
      const otherDepth = depthOf(other);
      if (otherDepth >= depth) continue;
      best = other;
      depth = otherDepth;
    }
    turn = (turn + 1) % routees.length;
    return best;
  };
}

function consistentHash(
  keyOf: (event: EventObject) => string,
): (routees: readonly Ref[], event: EventObject) => Ref {
  const ring = new HashRing<Ref>();
  let known: readonly Ref[] = [];
  return (routees, event) => {
    // A list that was handed out stays as it was, so another one is what says that something changed.
    if (routees !== known) ring.set(routees, ({ address }) => address);
    known = routees;
    return ring.find(keyOf(event))!;
  };
}

/** The chooser of a strategy; each router has its own. */
export function chooser(
  strategy: RouterStrategy,
  keyOf: (event: EventObject) => string,
  pick: (routees: readonly Ref[]) => Ref,
): Choose {
  const one =
    (choose: (routees: readonly Ref[], event: EventObject) => Ref): Choose =>
    (event, routees) => [choose(routees, event)];
  const all: Choose = (_, routees) => routees;
  const choosers: Readonly<Record<RouterStrategy, () => Choose>> = {
    'round-robin': () => one(roundRobin()),
    random: () => one(pick),
    'least-mailbox': () => one(leastMailbox()),
    'consistent-hash': () => one(consistentHash(keyOf)),
    broadcast: () => all,
    'scatter-gather': () => all,
  };
  return choosers[strategy]();
}
