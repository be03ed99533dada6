import type { Histogram, PackedHistogram } from '../../harness/histogram.ts';

const SHIFT = Math.round(Math.log2(1_000) * 64);

/** A histogram of milliseconds as one of microseconds: in logarithmic buckets that is a shift. */
export function inMicroseconds(milliseconds: Histogram): PackedHistogram {
  const { count, min, max, buckets } = milliseconds.pack();
  return {
    count,
    min: min * 1_000,
    max: max * 1_000,
    buckets: buckets.map(([bucket, held]) => [bucket + SHIFT, held] as const),
  };
}
