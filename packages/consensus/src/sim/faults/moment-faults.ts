import type { FaultKind } from './fault-kind.ts';

/** A half leader has time for some messages, and seldom for an entry that a majority hears of. */
const FALL_AFTER_MEAN_MS = 15;
/** A stalled disk lasts for an election or two. */
const STALL_MEAN_MS = 120;

/** Strikes both ends of a message just as it has arrived: while something is being decided. */
export const ambush: FaultKind = {
  name: 'ambush',
  fair: 1,
  storm: 1,
  delivered(world, from, to, kind) {
    const { random, network } = world;
    const drawn = world.rates.ambushes.find((each) => each.kind === kind);
    if (!drawn || !random.chance(drawn.chance)) return;
    const ends = random.shuffle([from, to]).map((id) => world.node(id));
    const [crashes, isolates] = random.pick([
      [true, true],
      [true, false],
      [false, true],
    ]);
    // At once, what the message set off is still on its way and dies with the link; later, some of it arrives.
    const delayMs = random.chance(0.5) ? 0 : random.exponential(network.faults.delayMeanMs);
    world.later(delayMs, () => {
      world.note('ambush', ends[0]!.id);
      if (crashes) world.crash(ends[0]);
      if (isolates) world.isolate(ends[1]);
    });
  },
};

/**
 * The trap of the paper's figure 8: a leader that has just been elected reaches only some of the others and falls
 * soon after, so that what it and its predecessors have begun is left in as many states as there are nodes. At
 * times one of those it reaches has a disk that stalls, and loses in the fall what the leader made it overwrite.
 */
export const halfLeader: FaultKind = {
  name: 'half leader',
  fair: 1,
  storm: 1,
  elected(world, leader) {
    const { random, network } = world;
    if (world.nodes.length < 3 || !random.chance(world.rates.halfLeaderChance)) return;
    const others = random.shuffle(world.others(leader));
    const reachedCount = random.integer(0, others.length >> 1);
    world.note('half leader', leader.id);
    for (const other of others.slice(reachedCount)) network.cut(leader.id, other.id, ['bulk']);
    const stalled = reachedCount > 0 && random.chance(0.4) ? others[0]! : undefined;
    if (stalled) stalled.disk.slowness = 1_000;
    world.fallLater(leader, random.exponential(FALL_AFTER_MEAN_MS));
    if (!stalled) return;
    world.later(random.exponential(STALL_MEAN_MS), () => {
      stalled.disk.recover();
      world.crash(stalled);
    });
  },
};

/** A leader falls, and its last messages with it, just as it has committed: perhaps nobody hears of it from there. */
export const fallAtCommit: FaultKind = {
  name: 'fall at commit',
  fair: 1,
  storm: 1,
  committed(world, leader) {
    if (world.nodes.length < 3 || !world.random.chance(world.rates.fallAtCommitChance)) return;
    world.note('fall at commit', leader.id);
    world.isolate(leader);
    world.crash(leader);
  },
};
