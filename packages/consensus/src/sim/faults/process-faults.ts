import type { FaultKind } from './fault-kind.ts';

/** How many outages long a node is left behind on average. */
const LAG_OUTAGES = 5;

export const crash: FaultKind = {
  name: 'crash',
  fair: 0.7,
  storm: 1,
  weight: 2,
  begin: (world) => world.crash(),
};

/** Down and up again at once: what was said to the life before is answered to the next. */
export const quickRestart: FaultKind = {
  name: 'quick restart',
  fair: 0.3,
  storm: 0.3,
  begin(world) {
    const { random, network } = world;
    const node = random.pick(world.nodes);
    if (node.up) world.note('quick restart', node.id);
    world.crash(node, random.exponential(network.faults.delayMeanMs));
  },
};

/** The lights go out for everybody: only what is on disk is left anywhere. */
export const crashAll: FaultKind = {
  name: 'crash all',
  fair: 0.5,
  storm: 0.7,
  weight: 0.3,
  begin(world) {
    world.note('crash all');
    for (const node of world.nodes) world.crash(node);
  },
};

/** The process stands still, and everything that came due happens to it at once when it goes on. */
export const pause: FaultKind = {
  name: 'pause',
  fair: 0.4,
  storm: 0.3,
  begin(world) {
    const node = world.victim();
    if (!node.up || node.paused) return;
    world.note('pause', node.id);
    node.pause();
    // At times for so long that everybody else has gone on without it.
    world.later(world.outageMs() * world.random.pick([1, 1, 1, 10]), () => {
      world.note('resume', node.id);
      node.resume();
    });
  },
};

/** One node is down for long while the others go on without it: only a snapshot can bring it back. */
export const leftBehind: FaultKind = {
  name: 'left behind',
  fair: 0.2,
  storm: 0,
  begin(world) {
    const victim = world.random.pick(world.nodes);
    if (victim.up) world.note('left behind', victim.id);
    world.crash(victim, LAG_OUTAGES * world.outageMs());
  },
};
