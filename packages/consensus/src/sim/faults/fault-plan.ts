import type { SimNode } from '../sim-node.ts';
import type { FaultKind } from './fault-kind.ts';
import { FAULT_KINDS } from './fault-kinds.ts';
import { type FaultParts, FaultWorld } from './fault-world.ts';

/** Begins the troubles that a run has, as drawn, until everything is healed. */
export class FaultPlan {
  readonly #world: FaultWorld;
  readonly #kinds: readonly FaultKind[];
  readonly #weightSum: number;

  constructor(parts: FaultParts) {
    this.#world = new FaultWorld(parts);
    this.#kinds = FAULT_KINDS.filter(({ name }) => parts.options.faults.kinds.includes(name));
    this.#weightSum = this.#kinds.reduce((sum, kind) => sum + weightOf(kind), 0);
  }

  start(): void {
    if (this.#weightSum > 0) this.#next();
    const listening = this.#kinds.filter((kind) => 'delivered' in kind);
    if (listening.length === 0) return;
    this.#world.network.onDelivered = (from, to, number) => {
      if (this.#world.stopped) return;
      for (const kind of listening) kind.delivered!(this.#world, from, to, number);
    };
  }

  elected(leader: SimNode): void {
    if (this.#world.stopped) return;
    for (const kind of this.#kinds) kind.elected?.(this.#world, leader);
  }

  /** Something was committed first at `leader`. */
  committed(leader: SimNode): void {
    if (this.#world.stopped) return;
    for (const kind of this.#kinds) kind.committed?.(this.#world, leader);
  }

  /** A node stopped by itself, rightly. */
  fellOver(node: SimNode): void {
    this.#world.fellOver(node);
  }

  #next(): void {
    const { random, rates } = this.#world;
    this.#world.later(random.exponential(rates.everyMs), () => {
      this.#draw().begin!(this.#world);
      this.#next();
    });
  }

  #draw(): FaultKind {
    const beginning = this.#kinds.filter((kind) => 'begin' in kind);
    let left = this.#world.random.float() * this.#weightSum;
    return beginning.find((kind) => (left -= weightOf(kind)) < 0) ?? beginning.at(-1)!;
  }

  /** Ends every trouble and begins no more. */
  heal(): void {
    this.#world.heal();
  }
}

const weightOf = (kind: FaultKind): number => (kind.begin ? (kind.weight ?? 1) : 0);
