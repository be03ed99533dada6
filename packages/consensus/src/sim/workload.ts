import type { Random, VirtualClock } from '@tutti/kernel';
import type { ClientHistory } from './checkers/client-history.ts';
import type { SimNode } from './sim-node.ts';
import type { SimOptions } from './sim-options.ts';
import type { Trace } from './trace.ts';

interface Operation {
  readonly client: number;
  readonly node: SimNode;
  finished: boolean;
}

/**
 * Clients that each do one thing at a time: append a serial that nobody else uses, or read a list through a barrier,
 * at any node that is up. A call at a node that crashes is over, with an outcome that nobody knows.
 */
export class Workload {
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #nodes: readonly SimNode[];
  readonly #options: SimOptions;
  readonly #history: ClientHistory;
  readonly #trace: Trace;
  readonly #underWay = new Set<Operation>();
  #serial = 0;
  #stopped = false;
  started = 0;

  constructor(parts: {
    readonly clock: VirtualClock;
    readonly random: Random;
    readonly nodes: readonly SimNode[];
    readonly options: SimOptions;
    readonly history: ClientHistory;
    readonly trace: Trace;
  }) {
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#nodes = parts.nodes;
    this.#options = parts.options;
    this.#history = parts.history;
    this.#trace = parts.trace;
  }

  /** Calls that have not been answered yet. */
  get waiting(): number {
    return this.#underWay.size;
  }

  start(): void {
    for (let client = 0; client < this.#options.clients; client++) this.#think(client);
  }

  /** No new calls; those under way go on. */
  stop(): void {
    this.#stopped = true;
  }

  crashed(node: SimNode): void {
    for (const operation of this.#underWay) if (operation.node === node) this.#finish(operation);
  }

  /** Appends at `node` and reports whether it was acknowledged. */
  appendAt(node: SimNode, done: (acknowledged: boolean) => void): void {
    this.#append(0, node, done);
  }

  /** Reads at `node` and reports whether it was answered. */
  readAt(node: SimNode, done: (answered: boolean) => void): void {
    this.#read(0, node, done);
  }

  #think(client: number): void {
    if (this.#stopped) return;
    this.#clock.setTimer(this.#random.exponential(this.#options.thinkMeanMs), () => this.#act(client));
  }

  #act(client: number): void {
    if (this.#stopped) return;
    const able = this.#nodes.filter((node) => node.replica && !node.paused);
    if (able.length === 0) return this.#think(client);
    const node = this.#random.pick(able);
    if (this.#random.chance(this.#options.readChance)) this.#read(client, node, () => {});
    else this.#append(client, node, () => {});
  }

  #key(): string {
    return `k${this.#random.integer(1, this.#options.keys)}`;
  }

  #begin(client: number, node: SimNode): Operation {
    this.started++;
    const operation = { client, node, finished: false };
    this.#underWay.add(operation);
    return operation;
  }

  /** True if it was not over before. */
  #finish(operation: Operation): boolean {
    if (operation.finished) return false;
    operation.finished = true;
    this.#underWay.delete(operation);
    this.#think(operation.client);
    return true;
  }

  #append(client: number, node: SimNode, done: (acknowledged: boolean) => void): void {
    const key = this.#key();
    const refused = this.#random.chance(0.03);
    const serial = refused ? -++this.#serial : ++this.#serial;
    const operation = this.#begin(client, node);
    node.replica!.proposeWith('lists', { key, serial }, undefined, (failure, place) => {
      if (!this.#finish(operation)) return;
      this.#trace.note(
        this.#clock.now(),
        failure ? 'append failed' : 'appended',
        node.id,
        serial,
        String(place),
      );
      if (!failure) this.#history.acknowledged(key, serial, Number(place));
      done(!failure || refused);
    });
  }

  #read(client: number, node: SimNode, done: (answered: boolean) => void): void {
    const key = this.#key();
    const floor = this.#history.floor(key);
    const operation = this.#begin(client, node);
    node.replica!.readBarrierWith(undefined, (failure) => {
      if (!this.#finish(operation)) return;
      const list = node.lists!.lists.get(key) ?? [];
      this.#trace.note(this.#clock.now(), failure ? 'read failed' : 'read', node.id, key, list.length);
      if (!failure) this.#history.read(node.id, key, floor, list);
      done(!failure);
    });
  }
}
