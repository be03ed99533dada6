import type { FaultKind } from './fault-kind.ts';

/**
 * What the others answered a leader comes when they have another one, and what they say of that one comes later
 * still: for a while it may believe that it leads. No run draws this kind; planted bugs ask for it.
 */
export const lateAnswers: FaultKind = {
  name: 'late answers',
  fair: 0,
  storm: 0,
  begin(world) {
    const { random, network, electionMs } = world;
    const leader = world.leader();
    if (!leader || world.nodes.length < 3) return;
    world.note('late answers', leader.id);
    const others = world.others(leader);
    const spokeMs = (electionMs * random.float()) / 2;
    const holdMs = spokeMs + electionMs * (1 + random.float());
    for (const other of others) network.clog(other.id, leader.id, holdMs);
    world.later(spokeMs, () => {
      for (const other of others) {
        network.cut(leader.id, other.id);
        network.clog(other.id, leader.id, holdMs + electionMs);
      }
    });
    world.later(holdMs + electionMs, () => network.mend());
  },
};

/**
 * A leader cannot confirm reads for a while. Somebody who had asked it for one starts anew, hears who leads, and then
 * misses entries while it asks again: what answers its first question must not answer the second. No run draws this
 * kind; planted bugs ask for it.
 */
export const askedBefore: FaultKind = {
  name: 'asked before',
  fair: 0,
  storm: 0,
  begin(world) {
    const { random, network, electionMs } = world;
    const leader = world.leader();
    if (!leader || world.nodes.length < 3) return;
    const reader = random.pick(world.others(leader));
    world.note('asked before', reader.id);
    for (const other of world.others(leader)) network.cut(leader.id, other.id, ['control']);
    const askedMs = (electionMs * random.float()) / 3;
    world.later(askedMs, () => world.crash(reader, 0.1));
    world.later(askedMs + (electionMs * random.float()) / 4, () =>
      network.cut(leader.id, reader.id, ['bulk']),
    );
    world.later(askedMs + (electionMs * (1 + random.float())) / 3, () => network.mend());
  },
};
