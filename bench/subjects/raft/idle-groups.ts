import { MemoryLogStore, ReplicaGroups, type ReplicatedModule, SharedLog } from '@tutti/consensus';
import {
  type Clock,
  clusterId,
  incarnation,
  nodeId,
  runVirtual,
  seededRandom,
  type Timer,
  VirtualClock,
} from '@tutti/kernel';
import { createMemoryNetwork } from '@tutti/transport';
import type { Measurement, Sizes } from '../../harness/case.ts';

const VOTERS = ['a', 'b', 'c'].map(nodeId);
const QUIET_LIMIT_MS = 120_000;
/** Of the groups, when counting begins: each is woken about once a minute to see that its leader still leads. */
const QUIET_SHARE = 0.95;

/** Counts what goes off on the way to the clock beneath. */
class CountedClock implements Clock {
  readonly #clock: Clock;
  fired = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  wallTime(): number {
    return this.#clock.wallTime();
  }

  nextTurn(action: () => void): void {
    this.#clock.nextTurn(action);
  }

  setTimer(delayMs: number, action: () => void): Timer {
    return this.#clock.setTimer(delayMs, () => {
      this.fired++;
      action();
    });
  }

  clearTimer(timer: Timer): void {
    this.#clock.clearTimer(timer);
  }
}

/** Counts commands; there is one for each group on each node. */
class Count implements ReplicatedModule {
  readonly name = 'count';
  count = 0;

  apply(): number {
    return ++this.count;
  }

  snapshot(): Iterable<number> {
    return [this.count];
  }

  restore([count]: Iterable<number>): void {
    this.count = count ?? 0;
  }
}

function threeNodes(clock: VirtualClock, names: readonly string[], quietAfterMs: number | undefined) {
  const network = createMemoryNetwork({ clock });
  return VOTERS.map((id, seed) => {
    const self = { clusterId: clusterId('bench'), nodeId: id, incarnation: incarnation(1) };
    const transport = network.transport(self);
    for (const peer of VOTERS) if (peer !== id) transport.addPeer(network.address(peer));
    void transport.open();
    const counted = new CountedClock(clock);
    const log = new SharedLog({
      store: new MemoryLogStore(clock),
      snapshots: () => new MemoryLogStore(clock),
      clock,
    });
    const groups = new ReplicaGroups({
      ...self,
      clock: counted,
      random: seededRandom(seed + 1),
      transport,
      log,
      ...(quietAfterMs !== undefined && { quietAfterMs }),
    });
    groups.openWith((failure) => {
      if (failure) throw failure;
      for (const name of names)
        groups.add(name, { voters: VOTERS, modules: [new Count()] }).startWith((problem) => {
          if (problem) throw problem;
        });
    });
    return { groups, transport, counted };
  });
}

async function idle(count: number, seconds: number, quietAfterMs: number | undefined): Promise<Measurement> {
  const names = Array.from({ length: count }, (_, i) => `group-${i}`);
  const clock = new VirtualClock();
  const before = heapUsed();
  const nodes = threeNodes(clock, names, quietAfterMs);
  const isServing = (): boolean =>
    nodes.every(({ groups }) => names.every((name) => (groups.get(name)?.status().commitIndex ?? 0) > 0));
  const isQuiet = (): boolean => nodes.every(({ groups }) => groups.counts().quiet >= QUIET_SHARE * count);
  await pass(clock, quietAfterMs === Infinity ? isServing : isQuiet);
  if (!isServing()) throw new Error('a group went quiet before it had committed anything');
  const memory = (heapUsed() - before) / count / nodes.length;
  const totals = () => ({
    timers: nodes.reduce((sum, { counted }) => sum + counted.fired, 0),
    messages: nodes.reduce((sum, { transport }) => sum + transport.counters().messagesSent, 0),
    bytes: nodes.reduce((sum, { transport }) => sum + transport.counters().bytesSent, 0),
  });
  const [from, usage] = [totals(), process.cpuUsage()];
  clock.advance(seconds * 1_000);
  const [to, used] = [totals(), process.cpuUsage(usage)];
  const perNode = (total: number): number => total / seconds / nodes.length;
  const woken = names.filter((_, i) => i % 100 === 0);
  let done = 0;
  for (const name of woken)
    nodes[0]!.groups.get(name)!.proposeWith('count', null, undefined, (failure) => {
      if (failure) throw failure;
      done++;
    });
  await pass(clock, () => done === woken.length);
  return {
    figures: {
      timers: perNode(to.timers - from.timers),
      messages: perNode(to.messages - from.messages),
      bytes: perNode(to.bytes - from.bytes),
      processor: perNode((used.user + used.system) / 1_000),
      memory: memory / 1_000,
    },
    verified: `${count} groups on three nodes; ${done} of them carried out a command afterwards`,
  };
}

/** Looks only now and then: asking ten thousand groups costs more than what they do. */
async function pass(clock: VirtualClock, isReached: () => boolean): Promise<void> {
  await runVirtual(clock, () => true);
  for (let ms = 0; ms < QUIET_LIMIT_MS; ms += 100) {
    if (isReached()) return;
    clock.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('the groups did not come to where they are counted');
}

function heapUsed(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

export const quietGroups = ({ groups, seconds }: Sizes): Promise<Measurement> =>
  idle(groups!, seconds!, undefined);

export const wakefulGroups = ({ groups, seconds }: Sizes): Promise<Measurement> =>
  idle(Math.ceil(groups! / 10), seconds!, Infinity);
