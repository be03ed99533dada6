import { type Random, seededRandom } from '@tutti/kernel';

const RESAMPLES = 2_000;
/** With fewer samples no resampling of a median reaches 95 %: it gives back their range. */
const SAMPLES_FOR_INTERVAL = 6;

/** With fewer samples nothing is said of what chance could do. */
export const SAMPLES_TO_JUDGE = 3;

/** Where a value lies, as far as the samples can tell. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The middle one of the values, or the mean of the two in the middle; NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Largest minus smallest, as a fraction of the median. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / Math.abs(median(values));
}

/**
 * Below six samples their range, which claims nothing. From six on the 95 % interval of the median by percentile
 * bootstrap (Efron and Tibshirani, 1993, chapter 13), with a seed, so that the same samples give the same interval.
 */
export function medianInterval(values: readonly number[], seed = 1): Interval {
  if (values.length === 0) return { low: Number.NaN, high: Number.NaN };
  if (values.length < SAMPLES_FOR_INTERVAL) return { low: Math.min(...values), high: Math.max(...values) };
  const random = seededRandom(seed);
  return middle95(() => median(resample(values, random)));
}

/** The bootstrap of the ratio of two medians, both resampled independently; it claims 95 % from six samples on. */
export function ratioInterval(over: readonly number[], under: readonly number[], seed = 1): Interval {
  const random = seededRandom(seed);
  return middle95(() => median(resample(over, random)) / median(resample(under, random)));
}

function resample(values: readonly number[], random: Random): number[] {
  return values.map(() => random.pick(values));
}

function middle95(draw: () => number): Interval {
  const drawn = Array.from({ length: RESAMPLES }, draw).sort((a, b) => a - b);
  return { low: drawn[Math.floor(RESAMPLES * 0.025)]!, high: drawn[Math.ceil(RESAMPLES * 0.975) - 1]! };
}

/** The slope of the least-squares line through the logarithms: cost grows as x to this power. */
export function logLogSlope(points: readonly { readonly x: number; readonly y: number }[]): number {
  const logs = points.map(({ x, y }) => [Math.log(x), Math.log(y)] as const);
  return slopeOf(logs);
}

/** The slope of the least-squares line: y gained per x. */
export function slopeOf(points: readonly (readonly [number, number])[]): number {
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  let over = 0;
  let under = 0;
  for (const [x, y] of points) {
    over += (x - meanX) * (y - meanY);
    under += (x - meanX) ** 2;
  }
  return over / under;
}
