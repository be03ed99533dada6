import { Listeners, type Logger, messageOf } from '@tutti/kernel';
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
  readonly #watchers = new Listeners<(notice: Terminated) => void>();
  readonly #subscribers = new Listeners<(snapshot: Snapshot<unknown>) => void>();

  watch(listener: (notice: Terminated) => void): () => void {
    return this.#watchers.add(listener);
  }

  subscribe(listener: (snapshot: Snapshot<unknown>) => void): () => void {
    return this.#subscribers.add(listener);
  }

  publish(snapshot: Snapshot<unknown>, address: () => Address, { queue, logger }: CellCore): void {
    const { running } = queue;
    queue.running = undefined;
    const threw = (error: unknown) => note(error, address(), logger, 'a subscriber threw');
    this.#subscribers.tell((listener) => listener(snapshot), threw);
    queue.running = running;
  }

  /** The one notice. The caller drops this object afterwards. */
  terminated(address: Address, reason: TerminationReason, error: unknown, { queue, logger }: CellCore): void {
    const { running } = queue;
    queue.running = undefined;
    const notice: Terminated =
      error === undefined ? { address, reason } : { address, reason, problem: messageOf(error) };
    const threw = (thrown: unknown) => note(thrown, address, logger, 'a watcher threw');
    this.#watchers.tell((listener) => listener(notice), threw);
    queue.running = running;
  }
}

/** The same listener; what it throws is logged, as of one that follows an actor of its own node. */
export function guarded<Value>(
  listener: SnapshotListener<Value>,
  address: Address,
  logger: Logger,
  what: string,
): (value: Value) => void {
  const tell = listenerOf(listener);
  return (value) => {
    try {
      tell(value);
    } catch (error) {
      note(error, address, logger, what);
    }
  };
}

function note(error: unknown, actor: Address, logger: Logger, what: string): void {
  logger.error({ actor, problem: messageOf(error) }, what);
}
