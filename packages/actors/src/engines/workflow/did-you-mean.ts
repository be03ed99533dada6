/**
 * The name nearest to a misspelt one, as `; did you mean "cart-api"?`, or nothing when none is near: at most one edit
 * for each three letters (F. J. Damerau, 1964; V. I. Levenshtein, 1966).
 * @param show What to say instead of the name that is nearest; default the name.
 */
export function didYouMean(
  name: string,
  known: Iterable<string>,
  show: (nearest: string) => string = (nearest) => nearest,
): string {
  let nearest: string | undefined;
  let best = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= best) continue;
    const distance = editDistance(name, candidate);
    if (distance >= best) continue;
    best = distance;
    nearest = candidate;
  }
  return nearest === undefined ? '' : `; did you mean "${show(nearest)}"?`;
}

/** Edits from one text to the other: a letter changed, added or left out, or two neighbours swapped. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1, swapped ? before[j - 2]! + 1 : Infinity));
    }
    [before, row] = [row, next];
  }
  return row[b.length]!;
}
