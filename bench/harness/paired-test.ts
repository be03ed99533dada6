/**
 * Student's paired test, two-sided: how likely differences at least this far from none are when nothing has changed.
 * The differences of measurements that were taken in turns are symmetric then, whatever each of them is like, and under
 * symmetric differences with heavy tails the test errs on the side of saying nothing. A rank test would claim less of
 * the differences, but from five pairs it can say nothing below 6 %, and nothing that survives {@link survivors}.
 */
export function pairedTest(differences: readonly number[]): number {
  const count = differences.length;
  if (count < 2) return 1;
  const mean = differences.reduce((sum, each) => sum + each, 0) / count;
  const variance = differences.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (count - 1);
  if (mean === 0) return 1;
  return studentTail(Math.abs(mean) / Math.sqrt(variance / count), count - 1);
}

/** P(|T| > t) for a whole number of degrees of freedom (Abramowitz and Stegun, 1964, 26.7.3 and 26.7.4). */
function studentTail(t: number, degrees: number): number {
  const angle = Math.atan(t / Math.sqrt(degrees));
  const cosine = Math.cos(angle);
  const isOdd = degrees % 2 === 1;
  let term = isOdd ? cosine : 1;
  let sum = degrees === 1 ? 0 : term;
  for (let k = isOdd ? 3 : 2; k < degrees; k += 2) {
    term *= (cosine ** 2 * (k - 1)) / k;
    sum += term;
  }
  const inside = isOdd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
  return Math.min(1, Math.max(0, 1 - inside));
}

/**
 * Which of many tests survive that there are many (Holm, 1979): with this, the probability that even one of those where
 * nothing has changed is among them is at most `level`.
 */
export function survivors(probabilities: readonly number[], level: number): boolean[] {
  const survives = probabilities.map(() => false);
  const order = probabilities.map((_, i) => i).sort((a, b) => probabilities[a]! - probabilities[b]!);
  for (const [rank, i] of order.entries()) {
    if (probabilities[i]! > level / (probabilities.length - rank)) break;
    survives[i] = true;
  }
  return survives;
}
