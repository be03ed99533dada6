import type { Clock } from '@tutti/kernel';

/** Items of one turn, unless it is said: at the 20 µs that the failure of an ask takes, some 5 ms. */
export const SLICE_DEFAULT = 256;

/**
 * Does something with each item, in order: with as many as one slice has at once, on the caller's stack, and with as many
 * in each later turn of the event loop. However many there are, nothing else of the node waits for more than one slice.
 * Resolves after the last, or rejects with what `act` or the items threw, and then goes no further.
 */
export function inSlices<Item>(
  clock: Clock,
  items: Iterable<Item>,
  act: (item: Item) => void,
  slice = SLICE_DEFAULT,
): Promise<void> {
  const rest = items[Symbol.iterator]();
  return new Promise((resolve, reject) => {
    const go = () => {
      try {
        for (let done = 0; done < slice; done++) {
          const next = rest.next();
          if (next.done) return resolve();
          act(next.value);
        }
        clock.nextTurn(go);
      } catch (error) {
        reject(error);
      }
    };
    go();
  });
}
