import type { Term } from '@tutti/kernel';
import type { SimNode } from '../sim-node.ts';
import type { FaultKind } from './fault-kind.ts';
import type { FaultWorld } from './fault-world.ts';

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
 * log, so it knows that it has forgotten something, and its peers have to make up for that before it takes part.
 */
export const lostLog: FaultKind = {
  name: 'lost log',
  fair: 0.5,
  storm: 0.3,
  begin(world) {
    const frail = world.nodes.filter(({ disk }) => disk.isFrail);
    if (frail.length > 0) loseLog(world, world.random.pick(frail));
  },
};

function loseLog(world: FaultWorld, node: SimNode, outageMs?: number): void {
  world.crash(node, outageMs);
  if (node.disk.loseLog(world.random)) world.note('lost log', node.id);
}

/**
 * What a node acknowledged last is gone when it comes back, and nothing tells it so: its drive had not really flushed it.
 * It comes back at once, to the leader that it had told. Every node whose disk keeps its word has what is lost: those
 * are a majority of whatever configuration.
 */
export const forgottenEnd: FaultKind = {
  name: 'forgotten end',
  fair: 0.5,
  storm: 0.3,
  begin(world) {
    const { random, nodes } = world;
    const frail = nodes.filter(({ disk, up }) => disk.isFrail && up);
    if (frail.length === 0) return;
    const node = random.pick(frail);
    const keepers = nodes.filter(({ disk }) => !disk.isFrail);
    world.crash(node, random.exponential(2));
    const isHeld = (index: number, of: Term): boolean =>
      keepers.every(({ disk: { durable } }) => durable.termAt(index) === of);
    if (node.disk.forgetEnd(random, isHeld)) world.note('forgotten end', node.id);
  },
};

/**
 * A voter that has just restarted, and so protects no leader, votes for somebody whom its answer reaches late. In
 * between its log is deleted, and it is the old leader, which has heard of nothing, that can help it up.
 */
export const forgottenVote: FaultKind = {
  name: 'forgotten vote',
  fair: 0.15,
  storm: 0.1,
  begin(world) {
    const { random, network, electionMs } = world;
    const leader = world.leader();
    const others = leader ? random.shuffle(world.others(leader)) : [];
    const voter = others.find(({ disk, replica }) => disk.isFrail && replica);
    const candidate = others.find((other) => other !== voter);
    if (!leader?.replica || !voter || !candidate) return;
    world.note('forgotten vote', voter.id);
    const { term } = leader.replica.status();
    const cutOff = (): void => {
      network.cut(leader.id, candidate.id);
      network.cut(candidate.id, leader.id);
    };
    const forgetOnceVoted = (msLeft: number): void =>
      world.later(1, () => {
        if ((voter.replica?.status().term ?? 0) > term) {
          network.mend();
          cutOff();
          return loseLog(world, voter, random.exponential(1));
        }
        if (msLeft > 0) forgetOnceVoted(msLeft - 1);
      });
    cutOff();
    const startedMs = electionMs * (1.2 + random.float());
    const heldMs = electionMs * (0.6 + 0.8 * random.float());
    world.later(startedMs, () => {
      network.cut(leader.id, voter.id);
      network.clog(voter.id, candidate.id, heldMs);
      world.crash(voter, random.exponential(1));
      forgetOnceVoted(heldMs);
    });
    world.later(startedMs + 2 * electionMs, () => network.mend());
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

/** No file can grow for a while: a node that runs goes on by itself when there is space, and none has to be started. */
export const noSpace: FaultKind = {
  name: 'no space',
  fair: 0.3,
  storm: 0.2,
  begin(world) {
    const { disk, id } = world.victim();
    if (!disk.fill()) return;
    world.note('no space', id);
    world.later(world.outageMs() * world.random.pick([1, 10]), () => disk.recover());
  },
};

/**
 * What says how far a log was flushed decays, and at times what it said that of: the node must not take the damage for
 * what a crash left of a write.
 */
export const decayOfNote: FaultKind = {
  name: 'decay of a note',
  fair: 0.15,
  storm: 0.1,
  begin(world) {
    const node = world.random.pick(world.nodes);
    if (!node.disk.decayOfNote(world.random)) return;
    world.note('decay of a note', node.id);
    if (world.random.chance(0.7) && node.disk.decay(world.random)) world.note('decay', node.id);
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
