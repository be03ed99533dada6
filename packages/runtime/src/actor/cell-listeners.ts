import { type Logger, messageOf } from '@tutti/kernel';
import type { Snapshot } from 'xstate';
import type { CellCore } from './cell-parts.ts';
import {
  type Address,
  listenerOf,
  type SnapshotListener,
  type Terminated,
  type TerminationReason,
} from './ref.ts';

/**
 * Who watches one actor, and who follows its snapshots. A listener that throws is logged and harms nobody. What it does is
 * not the doing of the actor whose turn it is: an ask of its own has its own time.
 */
export class CellListeners {
  readonly #watchers = new Set<(notice: Terminated) => void>();
  readonly #subscribers = new Set<(snapshot: Snapshot<unknown>) => void>();

  watch(listener: (notice: Terminated) => void): () => void {
    const own = (notice: Terminated) => listener(notice);
    this.#watchers.add(own);
    return () => void this.#watchers.delete(own);
  }

  subscribe(listener: (snapshot: Snapshot<unknown>) => void): () => void {
    const own = (snapshot: Snapshot<unknown>) => listener(snapshot);
    this.#subscribers.add(own);
    return () => void this.#subscribers.delete(own);
  }

  publish(snapshot: Snapshot<unknown>, address: () => Address, { queue, logger }: CellCore): void {
    const { running } = queue;
    queue.running = undefined;
    // Those that follow now: one that subscribes again and again while it is told would have no end.
    for (const listener of Array.from(this.#subscribers))
      if (this.#subscribers.has(listener)) call(listener, snapshot, address, logger, 'a subscriber threw');
    queue.running = running;
  }

  /** The one notice. The caller drops this object afterwards. */
  terminated(address: Address, reason: TerminationReason, error: unknown, { queue, logger }: CellCore): void {
    const { running } = queue;
    queue.running = undefined;
    const notice: Terminated =
      error === undefined ? { address, reason } : { address, reason, problem: messageOf(error) };
    for (const listener of this.#watchers) call(listener, notice, () => address, logger, 'a watcher threw');
    queue.running = running;
  }
}

/** The same listener; what it throws is logged, as of one that follows an actor of its own node. */
export const guarded =
  <Value>(listener: SnapshotListener<Value>, address: Address, logger: Logger, what: string) =>
  (value: Value): void =>
    call(listenerOf(listener), value, () => address, logger, what);

function call<Value>(
  listener: (value: Value) => void,
  value: Value,
  address: () => Address,
  logger: Logger,
  what: string,
): void {
  try {
    listener(value);
  } catch (error) {
    logger.error({ actor: address(), problem: messageOf(error) }, what);
  }
}
