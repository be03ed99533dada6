import type { FaultKind } from './fault-kind.ts';
import { churn } from './membership-faults.ts';

export const slowDisk: FaultKind = {
  name: 'slow disk',
  fair: 0.4,
  storm: 0.3,
  begin(world) {
    const { disk, id } = world.victim();
    world.note('slow disk', id);
    disk.slowness = world.random.pick([10, 100, 1_000]);
    world.later(world.outageMs(), () => disk.recover());
  },
};

/** What a disk holds decays; at times its node is started again, and finds out. */
export const decay: FaultKind = {
  name: 'decay',
  fair: 0.5,
  storm: 0.3,
  begin(world) {
    const node = world.random.pick(world.nodes);
    if (!node.disk.decay(world.random)) return;
    world.note('decay', node.id);
    if (world.random.chance(0.5)) world.crash(node);
  },
};

/**
 * A node's log is deleted, and it is started again. What says who it is stands elsewhere and remembers that there was a
 * log, so it knows that it has forgotten something, and its peers have to make up for that before it takes part. Not
 * where members come and go: a node without any configuration knows only those that it began with (ADR 9).
 */
export const lostLog: FaultKind = {
  name: 'lost log',
  fair: 0.5,
  storm: 0.3,
  begin(world) {
    const { nodes, random, rates } = world;
    const frail = nodes.filter(({ disk }) => disk.isFrail);
    if (frail.length === 0 || rates.kinds.includes(churn.name)) return;
    const node = random.pick(frail);
    world.crash(node);
    if (node.disk.loseLog()) world.note('lost log', node.id);
  },
};

/** What says what the files are, and whose, decays: any disk may suffer that, since nothing of its log is lost. */
export const decayOfNames: FaultKind = {
  name: 'decay of names',
  fair: 0.15,
  storm: 0.1,
  begin(world) {
    const node = world.random.pick(world.nodes);
    if (!node.disk.decayOfNames(world.random)) return;
    world.note('decay of names', node.id);
    if (world.random.chance(0.5)) world.crash(node);
  },
};

/** Nothing comes back from the disk any more: for a moment, or for so long that its node has to give it up. */
export const hungDisk: FaultKind = {
  name: 'hung disk',
  fair: 0.2,
  storm: 0.2,
  begin(world) {
    const { disk, id } = world.victim();
    world.note('hung disk', id);
    disk.hang();
    world.later(world.outageMs() * world.random.pick([1, 10]), () => disk.recover());
  },
};
