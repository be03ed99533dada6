import type { NodeId, Random, VirtualClock } from '@tutti/kernel';
import type { SimNetwork } from './sim-network.ts';
import type { SimNode } from './sim-node.ts';
import type { FaultRates } from './sim-options.ts';
import type { Trace } from './trace.ts';
import type { Workload } from './workload.ts';

interface FaultParts {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly nodes: readonly SimNode[];
  readonly network: SimNetwork;
  readonly workload: Workload;
  readonly rates: FaultRates;
  /** The shortest time after which a follower without a leader campaigns. */
  readonly electionMs: number;
  readonly trace: Trace;
}

/** A half leader has time for some messages, and seldom for an entry that a majority hears of. */
const FALL_AFTER_MEAN_MS = 15;
/** A stalled disk lasts for an election or two. */
const STALL_MEAN_MS = 120;
/** How many outages long a node is left behind on average. */
const LAG_OUTAGES = 5;

/** Begins troubles and ends them, as drawn; until everything is healed. */
export class FaultPlan {
  readonly #parts: FaultParts;
  readonly #kinds: readonly (() => void)[];
  #stopped = false;

  constructor(parts: FaultParts) {
    this.#parts = parts;
    const { rates } = parts;
    const kinds: (() => void)[] = [];
    if (rates.crash)
      kinds.push(
        () => this.#crash(),
        () => this.#crash(),
      );
    if (rates.crash) kinds.push(() => this.#crashAll());
    if (rates.partition)
      kinds.push(
        () => this.#split(),
        () => this.#isolate(),
      );
    if (rates.oneWay) kinds.push(() => this.#cutOneWay());
    if (rates.pause) kinds.push(() => this.#pause());
    if (rates.slowDisk) kinds.push(() => this.#slowDisk());
    if (rates.clog) kinds.push(() => this.#clog());
    if (rates.starve) kinds.push(() => this.#starve());
    if (rates.deafen)
      kinds.push(
        () => this.#deafen(),
        () => this.#deafen(),
      );
    if (rates.lag) kinds.push(() => this.#leaveBehind());
    this.#kinds = kinds;
  }

  start(): void {
    if (this.#kinds.length > 0) this.#next();
    this.#parts.network.onDelivered = (from, to, kind) => this.#ambush(from, to, kind);
  }

  #ambush(from: NodeId, to: NodeId, kind: number): void {
    const { random, rates, nodes, network } = this.#parts;
    const ambush = rates.ambushes.find((each) => each.kind === kind);
    if (this.#stopped || !ambush || !random.chance(ambush.chance)) return;
    const ends = random.shuffle([from, to]).map((id) => nodes.find((node) => node.id === id)!);
    const [crashes, isolates] = random.pick([
      [true, true],
      [true, false],
      [false, true],
    ]);
    // At once, what the message set off is still on its way and dies with the link; later, some of it arrives.
    const delayMs = random.chance(0.5) ? 0 : random.exponential(network.faults.delayMeanMs);
    this.#later(delayMs, () => {
      if (crashes) this.#crash(ends[0]);
      if (isolates) this.#isolate(ends[1]);
    });
  }

  /**
   * The trap of the paper's figure 8: a leader that has just been elected reaches only some of the others and falls
   * soon after, so that what it and its predecessors have begun is left in as many states as there are nodes. At
   * times one of those it reaches has a disk that stalls, and loses in the fall what the leader made it overwrite.
   */
  elected(leader: SimNode): void {
    const { random, rates, network, nodes } = this.#parts;
    if (this.#stopped || nodes.length < 3 || !random.chance(rates.halfLeaderChance)) return;
    const others = random.shuffle(this.#others(leader));
    const reachedCount = random.integer(0, others.length >> 1);
    this.#note('half leader', leader.id);
    for (const other of others.slice(reachedCount)) network.cut(leader.id, other.id, ['bulk']);
    const stalled = reachedCount > 0 && random.chance(0.4) ? others[0]! : undefined;
    if (stalled) stalled.disk.slowness = 1_000;
    this.#later(random.exponential(FALL_AFTER_MEAN_MS), () => {
      network.mend();
      if (random.chance(0.7)) this.#crash(leader);
      else this.#isolate(leader);
    });
    if (!stalled) return;
    this.#later(random.exponential(STALL_MEAN_MS), () => {
      stalled.disk.slowness = 1;
      this.#crash(stalled);
    });
  }

  /** Something was committed first at `leader`: perhaps nobody will ever hear of it from there. */
  committed(leader: SimNode): void {
    const { random, rates, nodes } = this.#parts;
    if (this.#stopped || nodes.length < 3 || !random.chance(rates.fallAtCommitChance)) return;
    this.#isolate(leader);
    this.#crash(leader);
  }

  #next(): void {
    const { clock, random, rates } = this.#parts;
    clock.setTimer(random.exponential(rates.everyMs), () => {
      if (this.#stopped) return;
      random.pick(this.#kinds)();
      this.#next();
    });
  }

  #outageMs(): number {
    return this.#parts.random.exponential(this.#parts.rates.outageMeanMs);
  }

  /** Does `action` later, unless everything has been healed by then. */
  #later(delayMs: number, action: () => void): void {
    this.#parts.clock.setTimer(delayMs, () => {
      if (!this.#stopped) action();
    });
  }

  #note(what: string, who = ''): void {
    this.#parts.trace.note(this.#parts.clock.now(), what, who);
  }

  /** A leader is hit more often than chance would have it. */
  #victim(): SimNode {
    const { nodes, random } = this.#parts;
    const leader = this.#leader();
    return leader && random.chance(0.4) ? leader : random.pick(nodes);
  }

  #leader(): SimNode | undefined {
    return this.#parts.nodes.find((node) => node.replica?.status().role === 'leader');
  }

  #crash(node = this.#victim()): void {
    if (!node.up) return;
    this.#note('crash', node.id);
    node.crash();
    this.#parts.workload.crashed(node);
    this.#later(this.#outageMs(), () => this.#restart(node));
  }

  #crashAll(): void {
    if (!this.#parts.random.chance(0.3)) return;
    for (const node of this.#parts.nodes) this.#crash(node);
  }

  #restart(node: SimNode): void {
    if (node.up) return;
    this.#note('restart', node.id);
    node.start();
  }

  #cutBetween(some: readonly SimNode[], rest: readonly SimNode[], bothWays: boolean): void {
    for (const one of some) {
      for (const other of rest) {
        this.#parts.network.cut(one.id, other.id);
        if (bothWays) this.#parts.network.cut(other.id, one.id);
      }
    }
    // Some cuts last for several elections, others end before anyone has noticed.
    this.#later(this.#outageMs() * this.#parts.random.pick([1, 1, 6]), () => {
      this.#note('mend');
      this.#parts.network.mend();
    });
  }

  #split(): void {
    const shuffled = this.#parts.random.shuffle(this.#parts.nodes);
    const size = this.#parts.random.integer(0, shuffled.length - 1);
    this.#note('split', String(size));
    this.#cutBetween(shuffled.slice(0, size), shuffled.slice(size), true);
  }

  #isolate(victim = this.#victim()): void {
    this.#note('isolate', victim.id);
    this.#cutBetween([victim], this.#others(victim), true);
  }

  #cutOneWay(): void {
    const victim = this.#victim();
    const others = this.#parts.random.shuffle(this.#others(victim));
    const some = others.slice(0, this.#parts.random.integer(0, others.length));
    this.#note('one way', victim.id);
    if (this.#parts.random.chance(0.5)) this.#cutBetween([victim], some, false);
    else this.#cutBetween(some, [victim], false);
  }

  #others(node: SimNode): readonly SimNode[] {
    return this.#parts.nodes.filter((other) => other !== node);
  }

  #pause(): void {
    const node = this.#victim();
    if (!node.up || node.paused) return;
    this.#note('pause', node.id);
    node.pause();
    this.#later(this.#outageMs(), () => {
      this.#note('resume', node.id);
      node.resume();
    });
  }

  #slowDisk(): void {
    const { disk, id } = this.#victim();
    this.#note('slow disk', id);
    disk.slowness = this.#parts.random.pick([10, 100, 1_000]);
    this.#later(this.#outageMs(), () => (disk.slowness = 1));
  }

  #clog(): void {
    const victim = this.#victim();
    this.#note('clog', victim.id);
    for (const other of this.#others(victim)) {
      this.#parts.network.clog(victim.id, other.id, this.#outageMs());
      if (this.#parts.random.chance(0.5)) this.#parts.network.clog(other.id, victim.id, this.#outageMs());
    }
  }

  #starve(): void {
    const victim = this.#victim();
    const others = this.#parts.random.shuffle(this.#others(victim));
    this.#note('starve', victim.id);
    for (const other of others.slice(0, this.#parts.random.integer(0, others.length))) {
      this.#parts.network.cut(victim.id, other.id, ['bulk']);
    }
    this.#later(this.#outageMs(), () => this.#parts.network.mend());
  }

  /**
   * A leader is answered late, and soon not heard any more: while the others elect another, what they said before
   * may still make it believe that it leads.
   */
  #deafen(): void {
    const { random, network, electionMs } = this.#parts;
    const leader = this.#leader();
    if (!leader) return;
    this.#note('deafen', leader.id);
    const holdMs = electionMs * (1 + 1.5 * random.float());
    for (const other of this.#others(leader)) network.clog(other.id, leader.id, holdMs);
    this.#later((electionMs * random.float()) / 3, () => {
      for (const other of this.#others(leader)) network.cut(leader.id, other.id);
    });
    this.#later(holdMs + electionMs * random.float(), () => network.mend());
  }

  /** One node is down for long while the others go on without it. */
  #leaveBehind(): void {
    const victim = this.#parts.random.pick(this.#parts.nodes);
    if (!victim.up) return;
    this.#note('left behind', victim.id);
    victim.crash();
    this.#parts.workload.crashed(victim);
    this.#later(LAG_OUTAGES * this.#outageMs(), () => this.#restart(victim));
  }

  /** Ends every trouble and begins no more. */
  heal(): void {
    this.#stopped = true;
    this.#note('heal');
    this.#parts.network.becomeReliable();
    for (const node of this.#parts.nodes) {
      node.disk.slowness = 1;
      node.resume();
      this.#restart(node);
    }
  }
}
