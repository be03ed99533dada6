import { type Logger, messageOf } from '@tutti/kernel';
import type { Snapshot } from 'xstate';
import type { Address, Terminated, TerminationReason } from './ref.ts';

/** Who watches one actor, and who follows its snapshots. A listener that throws is logged and harms nobody. */
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

  publish(snapshot: Snapshot<unknown>, address: () => Address, logger: Logger): void {
    for (const listener of this.#subscribers) call(listener, snapshot, address, logger, 'a subscriber threw');
  }

  /** The one notice. The caller drops this object afterwards. */
  terminated(address: Address, reason: TerminationReason, error: unknown, logger: Logger): void {
    const notice: Terminated =
      error === undefined ? { address, reason } : { address, reason, problem: messageOf(error) };
    for (const listener of this.#watchers) call(listener, notice, () => address, logger, 'a watcher threw');
  }
}

/** The same listener; what it throws is logged, as of one that follows an actor of its own node. */
export const guarded =
  <Value>(listener: (value: Value) => void, address: Address, logger: Logger, what: string) =>
  (value: Value): void =>
    call(listener, value, () => address, logger, what);

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
