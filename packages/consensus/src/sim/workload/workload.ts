import type { Random, VirtualClock } from '@tutti/kernel';
import type { ClientHistory } from '../checkers/client-history.ts';
import type { RegisterHistory } from '../checkers/register-history.ts';
import { type Marks, markOf } from '../marks.ts';
import type { SimNode } from '../sim-node.ts';
import type { SimOptions } from '../sim-options.ts';
import type { Trace } from '../trace.ts';
import type { WorkloadAction } from './action.ts';
import { ACTIONS, append, read } from './actions.ts';

interface Operation {
  readonly client: number;
  readonly node: SimNode;
  finished: boolean;
}

/** What a workload is made of. */
export interface WorkloadParts {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly nodes: readonly SimNode[];
  readonly options: SimOptions;
  readonly history: ClientHistory;
  readonly registers: RegisterHistory;
  readonly trace: Trace;
  readonly marks: Marks;
}

/**
 * Clients that each do one thing at a time, at any node that is up. A call at a node that crashes is over, with an
 * outcome that nobody knows.
 */
export class Workload {
  readonly #parts: WorkloadParts;
  readonly #underWay = new Set<Operation>();
  readonly #actions: readonly WorkloadAction[];
  readonly #weightSum: number;
  #serial = 0;
  #stopped = false;

  constructor(parts: WorkloadParts) {
    this.#parts = parts;
    this.#actions = ACTIONS.filter(({ name }) => this.#weight(name) > 0);
    this.#weightSum = this.#actions.reduce((sum, { name }) => sum + this.#weight(name), 0);
  }

  #weight(name: string): number {
    return this.#parts.options.mix[name] ?? 0;
  }

  /** Calls that have not been answered yet. */
  get waiting(): number {
    return this.#underWay.size;
  }

  start(): void {
    if (this.#weightSum === 0) return;
    for (let client = 0; client < this.#parts.options.clients; client++) this.#think(client);
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
    this.#do(append, 0, node, done);
  }

  /** Reads at `node` and reports whether it was answered. */
  readAt(node: SimNode, done: (answered: boolean) => void): void {
    this.#do(read, 0, node, done);
  }

  #think(client: number): void {
    if (this.#stopped) return;
    const { clock, random, options } = this.#parts;
    clock.setTimer(random.exponential(options.thinkMeanMs), () => this.#act(client));
  }

  #act(client: number): void {
    if (this.#stopped) return;
    const { random, nodes } = this.#parts;
    const able = nodes.filter((node) => node.replica && !node.paused);
    if (able.length === 0) return this.#think(client);
    const node = random.pick(able);
    let left = random.float() * this.#weightSum;
    const action = this.#actions.find(({ name }) => (left -= this.#weight(name)) < 0);
    this.#do(action ?? this.#actions[0]!, client, node, () => {});
  }

  #do(action: WorkloadAction, client: number, node: SimNode, done: (succeeded: boolean) => void): void {
    const { clock, options, trace } = this.#parts;
    const { random, history, registers } = this.#parts;
    const operation: Operation = { client, node, finished: false };
    this.#underWay.add(operation);
    const key = `k${random.integer(1, options.keys)}`;
    const serial = (): number => ++this.#serial;
    const note = (what: string, a?: string | number, b?: string | number): void =>
      trace.note(clock.now(), what, node.id, a, b);
    const end = (failure: Error | undefined): boolean => {
      if (!this.#finish(operation)) return false;
      const answered = `${action.name} at a ${node.replica?.status().role}`;
      this.#parts.marks.count(failure ? markOf(failure) : answered);
      return true;
    };
    const call = { client: `client ${client + 1}`, node, replica: node.replica!, random, history, registers };
    action.act({ ...call, key, serial, note, end }, done);
  }

  /** True if it was not over before. */
  #finish(operation: Operation): boolean {
    if (operation.finished) return false;
    operation.finished = true;
    this.#underWay.delete(operation);
    this.#think(operation.client);
    return true;
  }
}
