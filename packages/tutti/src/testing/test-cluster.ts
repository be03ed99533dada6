import { FileDisk, ModelDisk, Trace } from '@tutti/consensus/sim';
import {
  type Clock,
  clusterId,
  messageOf,
  type NodeId,
  type Random,
  seededRandom,
  TuttiError,
  VirtualClock,
} from '@tutti/kernel';
import { createMemoryNetwork, type LatencyRange, type MemoryNetwork } from '@tutti/transport/memory';
import { digestOf } from './digest.ts';
import { type Holds, Invariants } from './invariants.ts';
import { LinkFaults } from './link-faults.ts';
import { Stage } from './stage.ts';
import { namesOf, type TestClusterOptions, type TestTrace, type WhichNode } from './test-cluster-options.ts';
import { type TestDisk, TestMachine } from './test-machine.ts';
import { setupOf, TestNode } from './test-node.ts';
import { ThreadModules } from './thread-modules.ts';
import { type Ambient, within } from './virtual-globals.ts';

const LIMIT_MS = 60_000;
/** How long a process stays away that ended because the others gave it up, as a supervisor of processes would have it. */
const RESTART_AFTER_MS = 1_000;
const START_LIMIT_MS = 30_000;
const LOOK_MS = 20;

/**
 * A whole cluster in this process, of the very code that ships: real nodes, with Raft on simulated disks and links,
 * on a clock that jumps from one event to the next. The seed decides the run.
 */
export class TestCluster {
  readonly seed: number;
  readonly nodes: readonly TestNode[];
  /** For the test's own chance, so that the seed decides it too. */
  readonly random: Random;
  readonly #clock = new VirtualClock();
  readonly #network: MemoryNetwork;
  readonly #links: LinkFaults;
  readonly #machines: readonly TestMachine[];
  readonly #trace: Trace;
  readonly #invariants = new Invariants();
  readonly #modules: ThreadModules;
  readonly #stage: Stage;
  readonly #ambients = new WeakMap<Clock, Ambient>();
  readonly #latency: LatencyRange;
  readonly #ids: readonly NodeId[];
  #failure: Error | undefined;
  /** The node that acted last. */
  #acting = '';

  /** @throws TuttiError `TUTTI_OPTION_INVALID`, `TUTTI_ID_INVALID` */
  constructor(options: TestClusterOptions = {}) {
    this.seed = options.seed ?? 1;
    this.#ids = namesOf(options.nodes ?? 3);
    const random = seededRandom(this.seed);
    this.#latency = options.latencyMs ?? { minMs: 0.2, maxMs: 2 };
    this.#trace = new Trace(options.traceLines ?? 200);
    this.#network = createMemoryNetwork({
      clock: this.#clock,
      random: random.fork('network'),
      latencyMs: this.#latency,
    });
    this.#links = new LinkFaults(this.#network);
    this.random = random.fork('test');
    this.#modules = new ThreadModules(options.threads?.modules ?? {});
    this.#stage = new Stage({
      clock: this.#clock,
      outside: { clock: this.#clock, random: random.fork('outside'), cluster: this },
      modules: this.#modules,
      judge: () => this.#judge(),
      uncaught: (thrown) =>
        this.#fail(this.#acting, thrown instanceof Error ? thrown : new Error(String(thrown))),
    });
    const nodes = random.fork('nodes');
    this.#machines = this.#ids.map((id) => this.#makeMachine(id, nodes.fork(id), options));
    this.nodes = this.#machines.map((machine) => new TestNode(machine));
  }

  #makeMachine(id: NodeId, random: Random, options: TestClusterOptions): TestMachine {
    const ambientRandom = random.fork('process');
    const { modules: _, ...bounds } = options.threads ?? {};
    return new TestMachine({
      id,
      voters: this.#ids,
      world: this.#clock,
      random,
      network: this.#network,
      disk: this.#makeDisk(id, random, options.disks ?? 'model'),
      diskLatencyMeanMs: options.diskMs ?? 0.5,
      clock: { skewMs: options.clockSkewMs ?? 0, drift: options.clockDrift ?? 0 },
      cluster: options.cluster ?? {},
      consensus: options.consensus ?? {},
      threads: { size: 2, ...bounds },
      modules: this.#modules,
      setup: (machine, life) => options.setup?.(setupOf(machine, life)),
      listener: {
        touched: (machine, clock) => {
          let ambient = this.#ambients.get(clock);
          if (!ambient)
            this.#ambients.set(clock, (ambient = { clock, random: ambientRandom, cluster: this }));
          within(ambient);
          this.#acting = machine.id;
        },
        note: (what, who, more) => this.#note(what, who, more),
        delivered: (from, to, channel, message) =>
          this.#trace.note(this.#clock.now(), `deliver ${channel}`, from, to, digestOf(message)),
        failed: (machine, failure) => this.#fail(machine.id, failure),
        evicted: (machine) => this.#evicted(machine),
      },
    });
  }

  #makeDisk(id: NodeId, random: Random, kind: 'model' | 'files'): TestDisk {
    const listener = {
      hardState: () => {},
      entry: () => {},
      broken: (problem: string) => this.#fail(id, new Error(`its disk does not keep its word: ${problem}`)),
    };
    if (kind === 'model') return new ModelDisk(listener);
    return new FileDisk({
      listener,
      clusterId: clusterId('test'),
      nodeId: id,
      random: random.fork('drive'),
      faults: { shortChance: 0, errorChance: 0, fullChance: 0 },
      isFrail: false,
      segmentBytes: 65_536,
      cacheBytes: 2 ** 20,
    });
  }

  /** One of the nodes. @throws TuttiError `TUTTI_NODE_UNKNOWN` */
  node(which: WhichNode): TestNode {
    return this.nodes[this.#placeOf(which)]!;
  }

  /** A node that leads, by the newest term. */
  leader(): TestNode | undefined {
    const leading = this.#machines.flatMap(({ id, life }) => {
      const status = life?.replica.status();
      return status?.role === 'leader' ? [{ id, term: status.term }] : [];
    });
    const first = leading.toSorted((a, b) => b.term - a.term)[0];
    return first && this.node(first.id);
  }

  /** Virtual milliseconds since the cluster was made. */
  now(): number {
    return this.#clock.now();
  }

  /** Starts all nodes, and lets time go on until each is a member and every shard has an owner. */
  async start(): Promise<void> {
    for (const machine of this.#machines) if (!machine.life) machine.boot();
    await this.untilWhole(START_LIMIT_MS);
  }

  /** Lets time pass until the cluster {@link isWhole}; looks every 20 ms. @throws what {@link until} throws */
  async untilWhole(limitMs = LIMIT_MS): Promise<void> {
    const end = this.#clock.now() + limitMs;
    while (!this.isWhole()) {
      if (this.#clock.now() >= end)
        throw new TuttiError('TUTTI_TIMEOUT', { what: 'That the cluster is whole', timeoutMs: limitMs });
      await this.run(LOOK_MS);
    }
  }

  /** Whether every node runs, is a member, and all of them see each shard with an owner that lives, and none moving. */
  isWhole(): boolean {
    return this.nodes.every((node) => {
      const status = node.isMember && !node.isPaused ? node.status() : undefined;
      if (!status || status.moving > 0 || (status.shards[''] ?? 0) > 0) return false;
      const lives = status.members.filter(({ state }) => state === 'up');
      const owners = Object.keys(status.shards);
      return (
        lives.length === this.nodes.length &&
        lives.every((life) => this.node(life.nodeId).incarnation === life.incarnation) &&
        owners.length > 0
      );
    });
  }

  /** Lets this much virtual time pass, in milliseconds. @throws what {@link until} throws */
  run(durationMs: number): Promise<void> {
    return this.#stage.pass(durationMs);
  }

  /** Resolves after this much virtual time; somebody else must let it pass. */
  sleep(durationMs: number): Promise<void> {
    return this.#stage.sleep(durationMs);
  }

  /**
   * Lets time pass until something holds; it is looked at after every event.
   * @throws TuttiError `TUTTI_TIMEOUT` after `limitMs` (default 60,000), `TUTTI_INVARIANT_BROKEN`, `TUTTI_TEST_NODE_FAILED`
   */
  async until(condition: () => boolean, limitMs = LIMIT_MS): Promise<void> {
    if (await this.#stage.until(condition, limitMs)) return;
    throw new TuttiError('TUTTI_TIMEOUT', { what: 'What the test waits for', timeoutMs: limitMs });
  }

  /** Lets time pass until a promise is settled, and gives what it came to. @throws what {@link until} throws */
  async settle<Result>(promise: Promise<Result>, limitMs = LIMIT_MS): Promise<Result> {
    let isOver = false;
    const end = (): void => void (isOver = true);
    promise.then(end, end);
    await this.until(() => isOver, limitMs);
    return await promise;
  }

  /** Does `work` inside of virtual time, where the process's clock and dice are the cluster's too, until it ends. */
  drive<Result>(work: () => Promise<Result>, limitMs = LIMIT_MS): Promise<Result> {
    const begun = new Promise<Result>((resolve, reject) => {
      this.#clock.setTimer(0, () => void work().then(resolve, reject));
    });
    return this.settle(begun, limitMs);
  }

  /** Does something when so much virtual time has passed. */
  after(delayMs: number, action: () => void): void {
    this.#clock.setTimer(delayMs, action);
  }

  /** Something that must hold after every event; `false`, a text that says what is wrong, or a throw breaks it. */
  invariant(holds: Holds): void;
  invariant(name: string, holds: Holds): void;
  invariant(nameOrHolds: string | Holds, holds?: Holds): void {
    if (typeof nameOrHolds === 'string') this.#invariants.add(nameOrHolds, holds!);
    else this.#invariants.add(nameOrHolds.name || 'invariant', nameOrHolds);
  }

  /**
   * Nothing passes between these groups of nodes; nodes that are named in none form one of their own. The returned
   * function ends this partition, {@link heal} all of them.
   */
  partition(...groups: readonly (readonly WhichNode[])[]): () => void {
    const named = groups.map((group) => group.map((name) => this.#machine(name).id));
    const rest = this.#ids.filter((id) => !named.some((group) => group.includes(id)));
    const sides = [...named, rest];
    this.#note(
      'partition',
      sides
        .filter((side) => side.length > 0)
        .map((side) => side.join(' '))
        .join(' | '),
    );
    const ends: (() => void)[] = [];
    for (const side of sides)
      for (const other of sides)
        if (side !== other) for (const a of side) for (const b of other) ends.push(this.#links.cut(a, b));
    return () => {
      this.#note('partition ends', '');
      for (const end of ends) end();
    };
  }

  /** Nothing that `from` sends reaches `to` any more; the other way stays open. The returned function ends it. */
  cut(from: WhichNode, to: WhichNode): () => void {
    const [one, other] = [this.#machine(from).id, this.#machine(to).id];
    this.#note('cut', `${one} > ${other}`);
    const end = this.#links.cut(one, other);
    return () => {
      this.#note('cut ends', `${one} > ${other}`);
      end();
    };
  }

  /** The connection of two nodes breaks, as when a middlebox forgets it; they may connect anew at once. */
  reset(a: WhichNode, b: WhichNode): void {
    const [one, other] = [this.#machine(a).id, this.#machine(b).id];
    this.#note('reset', `${one} ${other}`);
    this.#network.reset(one, other);
  }

  /** Messages between two nodes take this long, both ways; without a time, as long as usual. */
  slow(a: WhichNode, b: WhichNode, latencyMs: number | LatencyRange = this.#latency): void {
    const [one, other] = [this.#machine(a).id, this.#machine(b).id];
    this.#note('slow link', `${one} ${other}`, JSON.stringify(latencyMs));
    this.#network.delay(one, other, latencyMs);
    this.#network.delay(other, one, latencyMs);
  }

  /** Every link is whole and as quick as usual. Nodes stay as they are. */
  heal(): void {
    this.#note('heal', '');
    this.#links.heal();
    for (const a of this.#ids)
      for (const b of this.#ids) if (a !== b) this.#network.delay(a, b, this.#latency);
  }

  /**
   * The process ends between two instructions. With it goes what is not on its disk yet; `keepsPower` leaves what was
   * written and not flushed, as the kernel would.
   */
  crash(which: WhichNode, { keepsPower = false }: { readonly keepsPower?: boolean } = {}): void {
    const machine = this.#machine(which);
    if (!machine.life) return;
    this.#note('crash', machine.id);
    machine.crash(keepsPower ? 'process' : 'power');
  }

  /** Starts the next life of a node; one that runs is crashed before. It joins as time passes. */
  restart(which: WhichNode): void {
    this.crash(which);
    this.#machine(which).boot();
  }

  /** Stops a node as SIGTERM does: it hands over, leaves and ends. Resolves as time passes. */
  async stop(which: WhichNode): Promise<void> {
    const machine = this.#machine(which);
    this.#note('stop', machine.id);
    await machine.stop();
  }

  /** The process stands still: what comes due and what arrives waits. */
  pause(which: WhichNode): void {
    const { id, life } = this.#machine(which);
    this.#note('pause', id);
    life?.clock.pause();
  }

  resume(which: WhichNode): void {
    const { id, life } = this.#machine(which);
    this.#note('resume', id);
    life?.clock.resumeInTurns();
  }

  /** Its disk takes this many times as long as usual; 1 makes it well again. */
  slowDisk(which: WhichNode, times: number): void {
    const { id, disk } = this.#machine(which);
    this.#note('slow disk', id, String(times));
    if (times === 1) disk.recover();
    else disk.slowness = times;
  }

  /** Its wall clock is set forward or back by so many milliseconds. */
  jumpClock(which: WhichNode, byMs: number): void {
    const { id, life } = this.#machine(which);
    this.#note('jump', id, String(byMs));
    life?.clock.jump(byMs);
  }

  /** Puts a line of the test's own into the trace. */
  note(what: string): void {
    this.#note('note', what);
  }

  trace(): TestTrace {
    return { hash: this.#trace.hash, events: this.#stage.events, lines: this.#trace.lines };
  }

  #machine(which: WhichNode): TestMachine {
    return this.#machines[this.#placeOf(which)]!;
  }

  #placeOf(which: WhichNode): number {
    const name = typeof which === 'object' ? which.id : which;
    const place = typeof name === 'number' ? name : this.#ids.findIndex((id) => id === name);
    if (this.#ids[place] !== undefined) return place;
    throw new TuttiError('TUTTI_NODE_UNKNOWN', { node: name, known: this.#ids.join(', ') });
  }

  #note(what: string, who: string, more = ''): void {
    this.#trace.note(this.#clock.now(), what, who, more);
  }

  #evicted(machine: TestMachine): void {
    this.#note('evicted', machine.id);
    const { life } = machine;
    this.#clock.setTimer(RESTART_AFTER_MS, () => {
      if (machine.life === life && life) this.restart(machine.id);
    });
  }

  #fail(node: string, failure: Error): void {
    this.#note('failed', node, failure.message);
    const details = { node, atMs: Math.round(this.now()), seed: this.seed, problem: messageOf(failure) };
    this.#failure ??= new TuttiError('TUTTI_TEST_NODE_FAILED', details, { cause: failure });
  }

  #judge(): void {
    if (!this.#failure) {
      const broken = this.#invariants.firstBroken();
      if (broken) {
        const { name, problem } = broken;
        this.#note('broken', name, problem);
        const details = { name, problem, atMs: Math.round(this.now()), seed: this.seed };
        this.#failure = new TuttiError('TUTTI_INVARIANT_BROKEN', details, { cause: broken.cause });
      }
    }
    if (this.#failure) throw this.#failure;
  }
}

/** Makes a cluster that runs in this process, on virtual time. @throws TuttiError `TUTTI_OPTION_INVALID`, `TUTTI_ID_INVALID` */
export function createTestCluster(options: TestClusterOptions = {}): TestCluster {
  return new TestCluster(options);
}
