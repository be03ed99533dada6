/** What one remembered set of unknown operations costs beside the key, in bytes: the slot, the number, the array. */
const ENTRY_BYTES = 96;

/**
 * The places where a search has been: which completed operations were placed, the state reached, and which of the
 * unknown ones it took. A place reached with more of the unknown ones than before is no better than before: whatever
 * can follow it could have followed then.
 */
export class Visited {
  readonly #seen = new Map<string, bigint[]>();
  bytes = 0;

  /** Remembers the place; false if it, or a better one, was there already. */
  enter(place: string, unknownTaken: bigint): boolean {
    const before = this.#seen.get(place);
    if (!before) {
      this.#seen.set(place, [unknownTaken]);
      this.bytes += ENTRY_BYTES + 2 * place.length;
      return true;
    }
    for (const taken of before) if ((taken & unknownTaken) === taken) return false;
    before.push(unknownTaken);
    this.bytes += ENTRY_BYTES;
    return true;
  }
}
