/**
 * The last of a list for which something holds, found by halving: it has to hold for a first part of the list, which may
 * be none or all of it, and for nothing behind that. Undefined when it holds for none.
 */
export function lastOf<Item>(items: readonly Item[], holds: (item: Item) => boolean): Item | undefined {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(items[middle]!)) low = middle + 1;
    else high = middle;
  }
  return items[low - 1];
}
