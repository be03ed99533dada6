/** Buckets per doubling: neighbours differ by 2^(1/64), so a percentile is within 0.6 % of the true value. */
const BUCKETS_PER_OCTAVE = 64;
/** Values from 2^-20 to 2^44 have buckets of their own; smaller and larger ones share the outermost. */
const OCTAVE_MIN = -20;
const BUCKETS = 64 * BUCKETS_PER_OCTAVE;

/** A histogram as it crosses from a sample's process: exact ends, and the buckets that hold something. */
export interface PackedHistogram {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly buckets: readonly (readonly [bucket: number, count: number])[];
}

/** Positive values in logarithmic buckets: fixed memory, one addition per value, mergeable over processes. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #min = Infinity;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  get max(): number {
    return this.#max;
  }

  record(value: number): void {
    this.#counts[bucketOf(value)]!++;
    this.#count++;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  /** The smallest value such that a fraction `at` of all is not above it; NaN when there is none. */
  percentile(at: number): number {
    if (this.#count === 0) return Number.NaN;
    const rank = Math.max(1, Math.ceil(at * this.#count));
    if (rank >= this.#count) return this.#max;
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= rank) return Math.min(this.#max, Math.max(this.#min, middleOf(bucket)));
    }
    return this.#max;
  }

  add(packed: PackedHistogram): void {
    for (const [bucket, count] of packed.buckets) this.#counts[bucket]! += count;
    this.#count += packed.count;
    if (packed.count > 0) this.#min = Math.min(this.#min, packed.min);
    this.#max = Math.max(this.#max, packed.max);
  }

  pack(): PackedHistogram {
    const buckets: [number, number][] = [];
    this.#counts.forEach((count, bucket) => count > 0 && buckets.push([bucket, count]));
    return { count: this.#count, min: this.#count > 0 ? this.#min : 0, max: this.#max, buckets };
  }

  static merged(all: Iterable<PackedHistogram>): Histogram {
    const sum = new Histogram();
    for (const packed of all) sum.add(packed);
    return sum;
  }
}

function bucketOf(value: number): number {
  const bucket = Math.floor((Math.log2(value) - OCTAVE_MIN) * BUCKETS_PER_OCTAVE);
  // Also takes zero, whose logarithm is minus infinity.
  return Math.min(BUCKETS - 1, Math.max(0, bucket));
}

function middleOf(bucket: number): number {
  return 2 ** ((bucket + 0.5) / BUCKETS_PER_OCTAVE + OCTAVE_MIN);
}
