import type { SimNode } from '../sim-node.ts';
import type { FaultKind } from './fault-kind.ts';
import type { FaultWorld } from './fault-world.ts';

/** Two groups of any sizes that do not hear each other. */
export const split: FaultKind = {
  name: 'split',
  fair: 0.6,
  storm: 0.7,
  begin(world) {
    const shuffled = world.random.shuffle(world.nodes);
    const size = world.random.integer(0, shuffled.length - 1);
    world.note('split', String(size));
    world.cutBetween(shuffled.slice(0, size), shuffled.slice(size), true);
  },
};

export const isolate: FaultKind = {
  name: 'isolate',
  fair: 0.6,
  storm: 0.7,
  begin: (world) => world.isolate(),
};

/** One node is not heard by some, or does not hear them. */
export const oneWay: FaultKind = {
  name: 'one way',
  fair: 0.4,
  storm: 0.3,
  begin(world) {
    const victim = world.victim();
    const others = world.random.shuffle(world.others(victim));
    const some = others.slice(0, world.random.integer(0, others.length));
    world.note('one way', victim.id);
    if (world.random.chance(0.5)) world.cutBetween([victim], some, false);
    else world.cutBetween(some, [victim], false);
  },
};

/** Two groups that only one node, which is in both, connects: each half may take the other for dead. */
export const bridge: FaultKind = {
  name: 'bridge',
  fair: 0.2,
  storm: 0.2,
  begin(world) {
    const [, ...rest] = world.random.shuffle(world.nodes);
    world.note('bridge');
    world.cutBetween(rest.slice(0, rest.length >> 1), rest.slice(rest.length >> 1), true);
  },
};

/** Everybody hears two neighbours only, so every majority is seen differently by each. */
export const ring: FaultKind = {
  name: 'ring',
  fair: 0.2,
  storm: 0.2,
  begin(world) {
    const circle = world.random.shuffle(world.nodes);
    if (circle.length < 4) return;
    world.note('ring');
    for (const [i, node] of circle.entries()) {
      const far = circle.filter((_, j) => ![0, 1, circle.length - 1].includes(Math.abs(i - j)));
      world.cutBetween([node], far, false);
    }
  },
};

/** Connections of one node break and come back while both ends live, at times again and again. */
export const flap: FaultKind = {
  name: 'flap',
  fair: 0.3,
  storm: 0.3,
  begin(world) {
    const { random } = world;
    const victim = world.victim();
    const others = random.shuffle(world.others(victim));
    if (others.length === 0) return;
    world.note('flap', victim.id);
    const some = others.slice(0, random.integer(1, others.length));
    const again = (times: number): void => {
      for (const other of some) breakLink(world, victim, other, random.chance(0.5) ? 0.1 : 1);
      if (times > 1) world.later(random.exponential(world.electionMs), () => again(times - 1));
    };
    again(random.pick([1, 1, 4]));
  },
};

/** Either end may be the one that notices later. */
function breakLink(world: FaultWorld, one: SimNode, other: SimNode, part: number): void {
  const { random, network } = world;
  const downMs = part * world.outageMs();
  const [first, second] = random.chance(0.5) ? [one, other] : [other, one];
  network.flap(first.id, second.id, downMs, random.chance(0.5) ? 0 : downMs * random.float());
}

/**
 * A leader rests on one follower alone, since the others have heard nothing for long; then their connection breaks,
 * while both live.
 */
export const lonelyLease: FaultKind = {
  name: 'lonely lease',
  fair: 0.05,
  storm: 0.05,
  begin(world) {
    const { random, network, electionMs } = world;
    const leader = world.leader();
    const [follower, ...others] = leader ? random.shuffle(world.others(leader)) : [];
    if (!leader || !follower) return;
    world.note('lonely lease', leader.id);
    for (const other of others) {
      network.cut(leader.id, other.id);
      network.cut(other.id, leader.id);
    }
    const aloneMs = electionMs * (1.5 + 2 * random.float());
    world.later(aloneMs, () => network.flap(follower.id, leader.id, 2 * electionMs, 0));
    mendLater(world, aloneMs + 2 * electionMs);
  },
};

/** Holds back what goes to and from one node; nothing is lost, all of it comes late and at once. */
export const clog: FaultKind = {
  name: 'clog',
  fair: 0.3,
  storm: 0.2,
  begin(world) {
    const victim = world.victim();
    world.note('clog', victim.id);
    for (const other of world.others(victim)) {
      world.network.clog(victim.id, other.id, world.outageMs());
      if (world.random.chance(0.5)) world.network.clog(other.id, victim.id, world.outageMs());
    }
  },
};

/** Cuts the lane of entries and snapshots only: a leader that is heard but cannot replicate. */
export const starve: FaultKind = {
  name: 'starve',
  fair: 0.4,
  storm: 0.6,
  begin(world) {
    const victim = world.victim();
    const others = world.random.shuffle(world.others(victim));
    world.note('starve', victim.id);
    for (const other of others.slice(0, world.random.integer(0, others.length))) {
      world.network.cut(victim.id, other.id, ['bulk']);
    }
    mendLater(world, world.outageMs());
  },
};

/**
 * A leader is answered late, and soon not heard any more: while the others elect another, what they said before
 * may still make it believe that it leads.
 */
export const deafen: FaultKind = {
  name: 'deafen',
  fair: 0.3,
  storm: 0.2,
  weight: 2,
  begin(world) {
    const { random, network, electionMs } = world;
    const leader = world.leader();
    if (!leader) return;
    world.note('deafen', leader.id);
    const holdMs = electionMs * (1 + 1.5 * random.float());
    for (const other of world.others(leader)) network.clog(other.id, leader.id, holdMs);
    world.later((electionMs * random.float()) / 3, () => {
      for (const other of world.others(leader)) network.cut(leader.id, other.id);
    });
    mendLater(world, holdMs + electionMs * random.float());
  },
};

/**
 * A leader's short messages are lost and its entries arrive: it goes on committing, and cannot confirm a read. At
 * times a reader comes back from a crash meanwhile, and asks again what it has forgotten to have asked.
 */
export const mute: FaultKind = {
  name: 'mute',
  fair: 0.2,
  storm: 0.1,
  begin(world) {
    const { random, network, electionMs } = world;
    const leader = world.leader();
    if (!leader) return;
    world.note('mute', leader.id);
    for (const other of world.others(leader)) network.cut(leader.id, other.id, ['control']);
    const lastsMs = electionMs * random.float();
    if (random.chance(0.5) && world.nodes.length > 1)
      world.later((lastsMs * random.float()) / 2, () =>
        world.crash(random.pick(world.others(leader)), random.exponential(network.faults.delayMeanMs)),
      );
    mendLater(world, lastsMs);
  },
};

function mendLater(world: FaultWorld, delayMs: number): void {
  world.later(delayMs, () => world.network.mend());
}
