import { Ring } from '@tutti/kernel';
import { MAILBOX_LIMIT_MAX } from './mailbox-options.ts';
import { eventOf, type OrderedLane, type UserMessage } from './user-lane.ts';

/** The options of {@link PriorityLanes}, complete. */
export interface LaneOrder {
  readonly lanes: number;
  /** Never throws; from 0 to `lanes - 1`. */
  readonly laneOf: (event: ReturnType<typeof eventOf>) => number;
  readonly starvationBound: number;
}

/**
 * Several lines of which the most urgent that is not empty is served, except that a line that was passed over too often
 * goes first, the one passed over most before the others. So the head of a line waits for at most `starvationBound`
 * messages plus one for each other line that is as hungry.
 */
export class PriorityLanes implements OrderedLane {
  readonly #lanes: readonly Ring<UserMessage>[];
  /** By lane: messages of other lanes that were taken since it was last served or empty. */
  readonly #passedOver: number[];
  readonly #order: LaneOrder;
  #size = 0;

  constructor(order: LaneOrder) {
    this.#order = order;
    this.#lanes = Array.from({ length: order.lanes }, () => new Ring<UserMessage>(MAILBOX_LIMIT_MAX));
    this.#passedOver = this.#lanes.map(() => 0);
  }

  get size(): number {
    return this.#size;
  }

  get capacity(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.capacity, 0);
  }

  get isReady(): boolean {
    return this.#size > 0;
  }

  get deferred(): number {
    return 0;
  }

  push(message: UserMessage): boolean {
    const isTaken = this.#laneFor(message).push(message);
    if (isTaken) this.#size++;
    return isTaken;
  }

  shift(): UserMessage | undefined {
    if (this.#size === 0) return undefined;
    const next = this.#next();
    this.#lanes.forEach((lane, at) => {
      if (at !== next && lane.size > 0) this.#passedOver[at]!++;
    });
    this.#passedOver[next] = 0;
    this.#size--;
    return this.#lanes[next]!.shift();
  }

  #next(): number {
    let urgent = -1;
    let hungry = -1;
    for (let at = 0; at < this.#lanes.length; at++) {
      if (this.#lanes[at]!.size === 0) continue;
      if (urgent < 0) urgent = at;
      const passedOver = this.#passedOver[at]!;
      const isHungry = passedOver >= this.#order.starvationBound;
      if (isHungry && (hungry < 0 || passedOver > this.#passedOver[hungry]!)) hungry = at;
    }
    return hungry < 0 ? urgent : hungry;
  }

  evict(newer: UserMessage): UserMessage {
    const least = this.#lanes.findLastIndex((lane) => lane.size > 0);
    if (this.#order.laneOf(eventOf(newer)) > least) return newer;
    const lane = this.#lanes[least]!;
    if (lane.size === 1) this.#passedOver[least] = 0;
    this.#size--;
    return lane.shift()!;
  }

  defer(): boolean {
    return false;
  }

  open(): void {}

  #laneFor(message: UserMessage): Ring<UserMessage> {
    return this.#lanes[this.#order.laneOf(eventOf(message))]!;
  }
}
