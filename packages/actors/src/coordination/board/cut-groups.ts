/** How much one thing puts into a proposal. */
export interface Weight {
  /** How many it counts for. */
  readonly pieces: number;
  /** How much JSON it carries, in characters. */
  readonly characters: number;
}

/** Characters of JSON that one proposal carries at most, so that it stays far below the size of a command. */
export const CHARACTERS_MAX = 2 ** 17;

/**
 * Cuts things into groups that fit into a proposal each, in their order. One that is beyond the bounds by itself
 * travels alone.
 */
export function cutGroups<Item>(
  items: readonly Item[],
  piecesMax: number,
  weigh: (item: Item) => Weight,
): Item[][] {
  const groups: Item[][] = [];
  let [pieces, characters] = [0, 0];
  for (const item of items) {
    const group = groups.at(-1);
    const weight = weigh(item);
    pieces += weight.pieces;
    characters += weight.characters;
    if (group && pieces <= piecesMax && characters <= CHARACTERS_MAX) group.push(item);
    else {
      groups.push([item]);
      ({ pieces, characters } = weight);
    }
  }
  return groups;
}
