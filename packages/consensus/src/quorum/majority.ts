/** What a count of votes says so far. */
export type Verdict = 'won' | 'lost' | 'pending';

/** The least number that is more than half of `size`. */
export function majorityOf(size: number): number {
  return Math.floor(size / 2) + 1;
}

/**
 * The highest value that a majority has reached, given the value of each voter. Sorting afresh costs nothing at
 * these sizes and cannot go stale, where a ranking that is kept up to date can (and has, elsewhere, committed
 * entries without a quorum). No voters reach nothing: 0.
 */
export function majorityReached(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const descending = [...values].sort((a, b) => b - a);
  return descending[majorityOf(values.length) - 1]!;
}

/** Judges an election of `size` voters of whom `granted` said yes and `refused` no. */
export function majorityVerdict(size: number, granted: number, refused: number): Verdict {
  const needed = majorityOf(size);
  if (granted >= needed) return 'won';
  return size - refused < needed ? 'lost' : 'pending';
}
