import type { NodeId } from '@tutti/kernel';
import type { Member } from '@tutti/runtime';
import type { Slot } from '../balancing/balancer.ts';
import type { Holder } from '../board/commands.ts';
import type { TaskBoard } from '../board/task-board.ts';
import type { DispatchLimits } from './dispatch-limits.ts';

/** An assignment that was proposed, and that this copy of the board may not show yet. */
export interface PendingAssignment extends Holder {
  readonly session: string;
  readonly task: string;
  readonly orchestrator: string;
}

interface Place extends Holder {
  busy: number;
}

type OpenSlot = { -readonly [Key in keyof Slot]: Slot[Key] };

/** The places left in the cluster, counting what is held and what has been proposed. */
export class Room {
  readonly #board: TaskBoard;
  readonly #members: readonly Member[];
  readonly #pending: readonly PendingAssignment[];
  readonly #limits: Required<DispatchLimits>;
  readonly #nodeBusy = new Map<NodeId, number>();
  #total = 0;

  constructor(
    board: TaskBoard,
    members: readonly Member[],
    pending: readonly PendingAssignment[],
    { tasksMax = Infinity, tasksPerNodeMax = Infinity }: DispatchLimits,
  ) {
    this.#board = board;
    this.#members = members.filter((member) => member.state === 'up');
    this.#pending = pending;
    this.#limits = { tasksMax, tasksPerNodeMax };
    for (const { nodeId, incarnation } of this.#members)
      this.#count(nodeId, board.heldCount(nodeId, incarnation));
    for (const { node } of pending) this.#count(node, 1);
  }

  /** The places of one orchestrator. Ask for one lane after the other: an earlier one does not see what a later takes. */
  lane(orchestrator: string): RoomLane {
    const places = this.#members.map(({ nodeId: node, incarnation }): Place => {
      const { size } = this.#board.heldByOrchestrator(node, incarnation, orchestrator);
      return { node, incarnation, busy: size };
    });
    for (const pending of this.#pending)
      for (const place of places)
        if (place.node === pending.node && orchestrator === pending.orchestrator) place.busy++;
    return new RoomLane(places, this.#limits, this.#nodeBusy, {
      isFull: () => this.#total >= this.#limits.tasksMax,
      take: (node) => this.#count(node, 1),
    });
  }

  #count(node: NodeId, tasks: number): void {
    this.#nodeBusy.set(node, (this.#nodeBusy.get(node) ?? 0) + tasks);
    this.#total += tasks;
  }
}

/** The places of one orchestrator. */
export class RoomLane {
  readonly #places: readonly Place[];
  readonly #limits: Required<DispatchLimits>;
  readonly #nodeBusy: ReadonlyMap<NodeId, number>;
  readonly #all: { isFull(): boolean; take(node: NodeId): void };
  /** By limit, since sessions may have different ones; kept up to date instead of being made for each task. */
  readonly #slots = new Map<number, OpenSlot[]>();
  /** Sessions with this limit or a lower one find nothing any more. */
  #closedUpTo = 0;

  constructor(
    places: readonly Place[],
    limits: Required<DispatchLimits>,
    nodeBusy: ReadonlyMap<NodeId, number>,
    all: { isFull(): boolean; take(node: NodeId): void },
  ) {
    this.#places = places;
    this.#limits = limits;
    this.#nodeBusy = nodeBusy;
    this.#all = all;
  }

  /** Where a session with this limit may have another task run; empty if nowhere. */
  slots(limit: number): readonly Slot[] {
    if (limit <= this.#closedUpTo || this.#all.isFull()) return [];
    let slots = this.#slots.get(limit);
    if (!slots) this.#slots.set(limit, (slots = this.#open(limit)));
    if (slots.length === 0) this.#closedUpTo = Math.max(this.#closedUpTo, limit);
    return slots;
  }

  take(node: NodeId): void {
    this.#all.take(node);
    for (const place of this.#places) if (place.node === node) place.busy++;
    for (const slots of this.#slots.values()) {
      const at = slots.findIndex((slot) => slot.node === node);
      if (at === -1) continue;
      const slot = slots[at]!;
      slot.busy++;
      slot.nodeBusy++;
      if (slot.busy >= slot.limit || slot.nodeBusy >= this.#limits.tasksPerNodeMax) slots.splice(at, 1);
    }
  }

  #open(limit: number): OpenSlot[] {
    const slots: OpenSlot[] = [];
    for (const { node, incarnation, busy } of this.#places) {
      const nodeBusy = this.#nodeBusy.get(node) ?? 0;
      if (busy < limit && nodeBusy < this.#limits.tasksPerNodeMax)
        slots.push({ node, incarnation, busy, limit, nodeBusy });
    }
    return slots;
  }
}
