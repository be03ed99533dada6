import type { FaultKind } from './fault-kind.ts';

/** Leadership is asked to move, to somebody or to anybody; those who cannot are asked as well. */
export const transfer: FaultKind = {
  name: 'transfer',
  fair: 0.3,
  storm: 0.3,
  begin(world) {
    const node = world.leader() ?? world.victim();
    const target = world.random.chance(0.7) ? world.random.pick(world.nodes).id : undefined;
    if (!node.replica || node.paused) return;
    world.note('transfer', node.id);
    node.replica.transferLeadershipWith(target, (failure) => {
      if (!failure) world.note('leadership handed on', node.id);
    });
  },
};

/**
 * A leader hands over and hears no more, so that it does not learn who follows it; at times its word to campaign
 * comes only after it has given the transfer up.
 */
export const deafTransfer: FaultKind = {
  name: 'deaf transfer',
  fair: 0.1,
  storm: 0.1,
  begin(world) {
    const { random, network, electionMs } = world;
    const leader = world.leader();
    if (!leader?.replica || leader.paused) return;
    const target = random.pick(world.others(leader));
    if (!target) return;
    world.note('deaf transfer', leader.id);
    const isLate = random.chance(0.5);
    const heldMs = isLate ? electionMs * (1 + random.float()) : 0;
    if (isLate) network.clog(leader.id, target.id, heldMs);
    leader.replica.transferLeadershipWith(target.id, () => {});
    // Shortly before the word arrives the leader loses its ears; what it says still goes out.
    world.later(Math.max(0, heldMs - random.exponential(electionMs / 8)), () => {
      for (const other of world.others(leader)) network.cut(other.id, leader.id);
    });
    world.later(heldMs + electionMs * (1 + random.float()), () => network.mend());
  },
};

/**
 * Somebody wants to lead, and the voter that could elect it protects the leader; then that voter restarts, while the
 * leader hears of nothing.
 */
export const forgetfulVoter: FaultKind = {
  name: 'forgetful voter',
  fair: 0.05,
  storm: 0.05,
  begin(world) {
    const { random, network, electionMs } = world;
    const leader = world.leader();
    if (!leader || world.nodes.length < 3) return;
    const [voter, ...others] = random.shuffle(world.others(leader));
    world.note('forgetful voter', voter!.id);
    world.cutBetween([leader], others, true);
    const startedMs = electionMs * (1.2 + 2 * random.float());
    world.later(startedMs, () => {
      world.cutBetween([leader], world.others(leader), true);
      world.crash(voter, random.exponential(1));
    });
    world.later(startedMs + 2 * electionMs, () => network.mend());
  },
};

/** A leader is stopped in order and comes back: nobody should have had to wait for an election. */
export const retirement: FaultKind = {
  name: 'retirement',
  fair: 0.2,
  storm: 0.1,
  begin(world) {
    const leader = world.leader();
    if (!leader?.replica || leader.paused) return;
    world.note('retirement', leader.id);
    const { replica } = leader;
    // The process ends when the replica has; by then it may have been killed, and another life be there.
    replica.stopWith(() =>
      world.clock.setTimer(0, () => {
        if (leader.replica !== replica) return;
        world.crash(leader);
        if (world.stopped) world.restart(leader);
      }),
    );
  },
};
