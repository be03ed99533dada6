import type { Random } from '@tutti/kernel';
import { type FiveNodes, NAMES } from './five-nodes.ts';

/** A trouble that has begun: what it is, in words, and how it ends. */
export interface Trouble {
  readonly what: string;
  end(): Promise<void> | void;
}

/** Begins a trouble; undefined where it cannot be had now. */
export type Fault = (cluster: FiveNodes, random: Random) => Promise<Trouble | undefined>;

/** Processes that may be killed or stopped at a time: with more of them nothing could be acknowledged. */
const ASLEEP_MAX = 2;

/** The leader as often as not: that is where it hurts. */
async function victim(cluster: FiveNodes, random: Random): Promise<string | undefined> {
  const awake = cluster.awake();
  if (awake.length <= NAMES.length - ASLEEP_MAX) return undefined;
  const leader = random.chance(0.5) ? await cluster.leader() : undefined;
  return leader ?? random.pick(awake);
}

const kill: Fault = async (cluster, random) => {
  const name = await victim(cluster, random);
  if (!name) return undefined;
  await cluster.kill(name);
  return { what: `kill -9 ${name}`, end: () => cluster.restart(name) };
};

const pause: Fault = async (cluster, random) => {
  const name = await victim(cluster, random);
  if (!name) return undefined;
  cluster.pause(name);
  return { what: `SIGSTOP ${name}`, end: () => cluster.resume(name) };
};

/** Holds every way from one group to the other. */
function cut(cluster: FiveNodes, from: readonly string[], to: readonly string[]): () => void {
  const ways = from.flatMap((a) => to.filter((b) => b !== a).map((b) => cluster.way(a, b)));
  for (const { link, direction } of ways) link.hold(direction);
  return () => {
    for (const { link, direction } of ways) link.release(direction);
  };
}

/** One or two nodes, the leader among them as often as not, and the others. */
async function sides(cluster: FiveNodes, random: Random): Promise<{ few: string[]; many: string[] }> {
  const shuffled = random.shuffle(NAMES);
  const first = (random.chance(0.5) ? await cluster.leader() : undefined) ?? shuffled[0]!;
  const few = [first, ...shuffled.filter((name) => name !== first)].slice(0, random.integer(1, 2));
  return { few, many: NAMES.filter((name) => !few.includes(name)) };
}

const partition: Fault = async (cluster, random) => {
  const { few, many } = await sides(cluster, random);
  const heal = [cut(cluster, few, many), cut(cluster, many, few)];
  return {
    what: `partition ${few.join(',')} | ${many.join(',')}`,
    end: () => heal.forEach((mend) => mend()),
  };
};

const oneWay: Fault = async (cluster, random) => {
  const { few, many } = await sides(cluster, random);
  const isDeaf = random.chance(0.5);
  const heal = isDeaf ? cut(cluster, many, few) : cut(cluster, few, many);
  const what = isDeaf ? `${few.join(',')} hear nothing` : `${few.join(',')} are not heard`;
  return { what, end: heal };
};

/** A ring in which each node reaches its neighbours only: every majority is a different one. */
const ring: Fault = async (cluster, random) => {
  const order = random.shuffle(NAMES);
  const heal = order.map((name, at) => cut(cluster, [name], [order[(at + 2) % 5]!, order[(at + 3) % 5]!]));
  return { what: `ring ${order.join('-')}`, end: () => heal.forEach((mend) => mend()) };
};

const slow: Fault = async (cluster, random) => {
  const name = random.pick(NAMES);
  const delayMs = random.integer(20, 200);
  const ways = NAMES.filter((other) => other !== name).flatMap((other) => [
    cluster.way(name, other),
    cluster.way(other, name),
  ]);
  for (const { link, direction } of ways) link.slow(direction, delayMs);
  const end = () => ways.forEach(({ link, direction }) => link.slow(direction, 0));
  return { what: `${delayMs} ms to and from ${name}`, end };
};

const reset: Fault = async (cluster, random) => {
  for (const link of cluster.links()) if (random.chance(0.5)) link.reset();
  return { what: 'half of the connections are reset', end: () => {} };
};

const transfer: Fault = async (cluster, random) => {
  const leader = await cluster.leader();
  if (!leader) return undefined;
  const target = random.pick(NAMES.filter((name) => name !== leader));
  cluster.transfer(leader, target);
  return { what: `${leader} hands over to ${target}`, end: () => {} };
};

/** One or two voters become learners in one call, and later voters again; what fails meanwhile may stay as it is. */
const members: Fault = async (cluster, random) => {
  const at = random.pick(cluster.awake());
  const shuffled = random.shuffle(NAMES);
  const learners = shuffled.slice(0, random.integer(1, 2));
  const voters = shuffled.slice(learners.length);
  void cluster.change(at, { voters, learners });
  const back = (): void => {
    const [awake] = cluster.awake();
    if (awake) void cluster.change(awake, { voters: [...NAMES], learners: [] });
  };
  return { what: `${learners.join(',')} only listen`, end: back };
};

/** All there are; a kind that is named twice is drawn twice as often. */
export const FAULTS: readonly Fault[] = [
  kill,
  kill,
  pause,
  pause,
  partition,
  oneWay,
  oneWay,
  ring,
  slow,
  reset,
  transfer,
  members,
  members,
];
