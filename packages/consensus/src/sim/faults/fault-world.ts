import type { NodeId, Random, VirtualClock } from '@tutti/kernel';
import type { Marks } from '../marks.ts';
import type { SimNetwork } from '../sim-network.ts';
import type { SimNode } from '../sim-node.ts';
import type { FaultRates, SimOptions } from '../sim-options.ts';
import type { Trace } from '../trace.ts';

/** Once all is healed, a disk takes on average this part of an election timeout for one thing, or less. */
const DISK_SHARE = 20;

/** What the simulator hands to the faults. */
export interface FaultParts {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly nodes: readonly SimNode[];
  readonly network: SimNetwork;
  readonly options: SimOptions;
  readonly trace: Trace;
  readonly marks: Marks;
  /** The calls of this node's clients are over. */
  readonly crashed: (node: SimNode) => void;
}

/** What every kind of trouble is made with: who is there, whom to hit, and the commonest blows. */
export class FaultWorld {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly nodes: readonly SimNode[];
  readonly network: SimNetwork;
  readonly options: SimOptions;
  readonly #trace: Trace;
  readonly #marks: Marks;
  readonly #crashed: (node: SimNode) => void;
  #stopped = false;

  constructor(parts: FaultParts) {
    this.clock = parts.clock;
    this.random = parts.random;
    this.nodes = parts.nodes;
    this.network = parts.network;
    this.options = parts.options;
    this.#trace = parts.trace;
    this.#marks = parts.marks;
    this.#crashed = parts.crashed;
  }

  get rates(): FaultRates {
    return this.options.faults;
  }

  /** Whether everything has been healed; from then on nothing may be broken. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** The shortest time after which a follower without a leader campaigns. */
  get electionMs(): number {
    const { tickMs = 0, electionTicks = 0 } = this.options.replica;
    return tickMs * electionTicks;
  }

  outageMs(): number {
    return this.random.exponential(this.rates.outageMeanMs);
  }

  /** Does `action` later, unless everything has been healed by then. */
  later(delayMs: number, action: () => void): void {
    this.clock.setTimer(delayMs, () => {
      if (!this.#stopped) action();
    });
  }

  /** Something has happened, in the words by which it is counted; a kind of trouble that strikes goes by its name. */
  note(what: string, who = ''): void {
    this.#trace.note(this.clock.now(), what, who);
    this.#marks.count(what);
  }

  node(id: NodeId): SimNode {
    return this.nodes.find((node) => node.id === id)!;
  }

  leader(): SimNode | undefined {
    return this.nodes.find((node) => node.replica?.status().role === 'leader');
  }

  /** A leader is hit more often than chance would have it. */
  victim(): SimNode {
    const leader = this.leader();
    return leader && this.random.chance(0.4) ? leader : this.random.pick(this.nodes);
  }

  others(node: SimNode): readonly SimNode[] {
    return this.nodes.filter((other) => other !== node);
  }

  /** Ends a node's process; it comes back after an outage, or after `outageMs`. */
  crash(node = this.victim(), outageMs?: number): void {
    if (!node.up) return;
    this.note('crash', node.id);
    node.crash(this.random.chance(this.options.store.powerChance) ? 'power' : 'process');
    this.#crashed(node);
    this.later(outageMs ?? this.outageMs(), () => this.restart(node));
  }

  /** A node that stopped by itself is started again, also when there is no trouble any more. */
  fellOver(node: SimNode): void {
    if (!node.up) return;
    this.note('fell over', node.id);
    node.crash('process');
    this.#crashed(node);
    this.clock.setTimer(this.outageMs(), () => this.restart(node));
  }

  restart(node: SimNode): void {
    if (node.up || node.isGone) return;
    this.note('restart', node.id);
    node.start();
  }

  cutBetween(some: readonly SimNode[], rest: readonly SimNode[], bothWays: boolean): void {
    for (const one of some) {
      for (const other of rest) {
        this.network.cut(one.id, other.id);
        if (bothWays) this.network.cut(other.id, one.id);
      }
    }
    // Some cuts last for several elections, others end before anyone has noticed.
    this.later(this.outageMs() * this.random.pick([1, 1, 6]), () => {
      this.note('mend');
      this.network.mend();
    });
  }

  /** A leader falls later, or is cut off, and until then what it has been cut off from it stays cut off from. */
  fallLater(leader: SimNode, delayMs: number): void {
    this.later(delayMs, () => {
      this.network.mend();
      if (this.random.chance(0.7)) this.crash(leader);
      else this.isolate(leader);
    });
  }

  isolate(node = this.victim()): void {
    this.note('isolate', node.id);
    this.cutBetween([node], this.others(node), true);
  }

  /** Ends every trouble and lets no other begin. */
  heal(): void {
    this.#stopped = true;
    this.note('heal');
    this.network.becomeReliable();
    // A leader stays only where everything is much faster than an election timeout (Raft paper 5.6).
    const fastEnough = this.electionMs / (DISK_SHARE * this.options.diskLatencyMeanMs);
    for (const node of this.nodes) {
      node.disk.heal();
      node.disk.slowness = Math.min(1, fastEnough);
      node.resume();
      this.restart(node);
    }
  }
}
