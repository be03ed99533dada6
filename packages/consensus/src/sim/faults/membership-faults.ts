import type { NodeId } from '@tutti/kernel';
import type { MembershipChange } from '../../raft/membership-change.ts';
import type { SimNode } from '../sim-node.ts';
import type { FaultKind } from './fault-kind.ts';
import type { FaultWorld } from './fault-world.ts';

/** Voters that a group is asked to have at most, however many nodes there are. */
const VOTERS_MAX = 5;

const specs = (nodes: readonly SimNode[]) => nodes.map(({ id }) => ({ node: id }));

/** Anything that can be asked for, sensible or not: what could not be in force must be refused. */
function drawChange({ random, nodes: all }: FaultWorld, leader: NodeId | undefined): MembershipChange {
  const nodes = all.filter(({ isGone }) => !isGone);
  const shuffled = random.shuffle(nodes);
  const node = shuffled[0]!.id;
  const voters = random.integer(1, Math.min(VOTERS_MAX, nodes.length));
  return random.pick<() => MembershipChange>([
    () => ({ type: 'addLearner', member: { node }, promote: true }),
    () => ({ type: 'addLearner', member: { node }, promote: random.chance(0.5) }),
    () => ({ type: 'promote', node }),
    () => ({ type: 'remove', node }),
    () => ({ type: 'remove', node: leader ?? node }),
    () => ({
      type: 'set',
      voters: specs(shuffled.slice(0, voters)),
      learners: random.chance(0.3) ? specs(shuffled.slice(voters, voters + 1)) : [],
    }),
    () => ({ type: 'set', voters: specs(shuffled.slice(0, voters)), learners: [] }),
  ])();
}

/**
 * Whether the disks that may lose what they promised stay fewer than half of the voters, whatever else has been asked for
 * and still waits: those whose disks lose nothing stay.
 */
function isBearable(change: MembershipChange, { nodes, options }: FaultWorld): boolean {
  if (!nodes.some(({ disk }) => disk.isFrail)) return true;
  const needed = nodes.slice(0, options.voters).filter(({ disk }) => !disk.isFrail);
  if (change.type === 'remove') return needed.every(({ id }) => id !== change.node);
  return change.type !== 'set' || needed.every(({ id }) => change.voters.some(({ node }) => node === id));
}

function ask(world: FaultWorld): void {
  const leader = world.leader();
  const node = world.random.chance(0.6) && leader ? leader : world.random.pick(world.nodes);
  if (!node.replica || node.paused) return;
  const change = drawChange(world, leader?.id);
  if (!isBearable(change, world)) return;
  world.note('churn', `${node.id} is asked for ${change.type}`);
  node.replica.changeMembershipWith(change, undefined, (failure) => {
    if (!failure) world.note('membership changed', change.type);
  });
}

/** Members come and go: learners, promotions, removals of whomever, any set of voters for another. */
export const churn: FaultKind = { name: 'churn', fair: 0, storm: 0, weight: 3, begin: ask };

/** Who is no member any more ends for good: nobody may have to wait for it. */
export const decommission: FaultKind = {
  name: 'decommission',
  fair: 0,
  storm: 0,
  begin(world) {
    const membership = world.leader()?.replica?.status().membership;
    if (!membership?.isCommitted || membership.isJoint) return;
    const members: readonly NodeId[] = [...membership.voters, ...membership.learners];
    const removed = world.nodes.filter(({ id, isGone, up }) => up && !isGone && !members.includes(id));
    if (removed.length === 0) return;
    const node = world.random.pick(removed);
    world.note('decommission', node.id);
    node.isGone = true;
    world.crash(node);
  },
};

/** A leader begins a change, or several, that not all others hear of, and falls soon after: another has to end it. */
function askAndFall(world: FaultWorld, leader: SimNode): void {
  const { random, network } = world;
  if (!leader.replica || leader.paused) return;
  world.note('fall at change', leader.id);
  const isDeaf = random.chance(0.3);
  for (const other of world.others(leader))
    if (isDeaf || random.chance(0.4)) network.cut(leader.id, other.id, ['bulk']);
  for (let count = random.integer(1, 3); count > 0; count--) {
    const change = drawChange(world, leader.id);
    if (isBearable(change, world)) leader.replica.changeMembershipWith(change, undefined, () => {});
  }
  world.fallLater(leader, random.exponential(world.electionMs / 4));
}

export const fallAtChange: FaultKind = {
  name: 'fall at change',
  fair: 0,
  storm: 0,
  weight: 2,
  begin(world) {
    const leader = world.leader();
    if (leader) askAndFall(world, leader);
  },
  /** What the leader before has left half done is not known yet. */
  elected(world, leader) {
    if (world.random.chance(0.2)) askAndFall(world, leader);
  },
};
