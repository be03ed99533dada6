import { type Clock, Histogram, type LogIndex, type NodeId, Ring } from '@tutti/kernel';

/**
 * What a command goes through, in the order of its way:
 * - `propose`: at the node where it was called, from the call until a leader's log took it in, or it was sent to one;
 * - `flush`: a write of this node to its own disk, from handing it over until it is durable;
 * - `replicate`: at the leader, from taking entries in until one other node said that it has them on its disk;
 * - `commit`: at the leader, from taking entries in until a quorum has them on disk;
 * - `apply`: from knowing that entries are committed until the modules have applied them;
 * - `answer`: at the node where it was called, from the call until the result is given back: all of it together.
 */
export type Stage = 'propose' | 'flush' | 'replicate' | 'commit' | 'apply' | 'answer';

/** The stages in the order of a command's way. */
export const STAGES: readonly Stage[] = ['propose', 'flush', 'replicate', 'commit', 'apply', 'answer'];

/** How long a stage took, in milliseconds. Percentiles are within 2.2 % of the true value; NaN while `count` is 0. */
export interface StageTimes {
  /** Commands (`propose`, `answer`), writes (`flush`) or batches of entries (the others). */
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Exact. */
  readonly max: number;
}

const NO_TIMES: StageTimes = { count: 0, p50: Number.NaN, p95: Number.NaN, p99: Number.NaN, max: Number.NaN };
/** What is said of the stages while nothing has gone through them. */
export const NO_STAGES = Object.fromEntries(STAGES.map((stage) => [stage, NO_TIMES])) as Readonly<
  Record<Stage, StageTimes>
>;

/** A batch of entries on its way, known by its last entry. */
interface Batch {
  readonly lastIndex: LogIndex;
  readonly at: number;
}

/** Batches followed at once; those that find no place are not measured. */
const BATCHES_MAX = 1_024;
const BUCKETS_PER_OCTAVE = 16;

/** Measures the stages of one replica: a few additions and a read of the clock per stage, of each command or batch. */
export class StageWatch {
  readonly #clock: Clock;
  readonly #histograms: Readonly<Record<Stage, Histogram>>;
  readonly #replicating = new Map<NodeId, Ring<Batch>>();
  readonly #committing = new Ring<Batch>(BATCHES_MAX);
  readonly #applying = new Ring<Batch>(BATCHES_MAX);

  constructor(clock: Clock) {
    this.#clock = clock;
    const made = STAGES.map((stage) => [stage, new Histogram(BUCKETS_PER_OCTAVE)] as const);
    this.#histograms = Object.fromEntries(made) as Record<Stage, Histogram>;
  }

  now(): number {
    return this.#clock.now();
  }

  record(stage: Stage, sinceMs: number): void {
    this.#histograms[stage].record(this.#clock.now() - sinceMs);
  }

  /** As leader: entries up to `lastIndex` begin their way to the disk and to `peers`. */
  appended(lastIndex: LogIndex, peers: Iterable<NodeId>): void {
    const batch = { lastIndex, at: this.#clock.now() };
    this.#committing.push(batch);
    for (const peer of peers) {
      let ring = this.#replicating.get(peer);
      if (!ring) {
        ring = new Ring<Batch>(BATCHES_MAX);
        this.#replicating.set(peer, ring);
      }
      ring.push(batch);
    }
  }

  /** As leader: `peer` has everything up to `matchIndex` on its disk. */
  replicated(peer: NodeId, matchIndex: LogIndex): void {
    const ring = this.#replicating.get(peer);
    if (ring) this.#takeThrough(ring, matchIndex, 'replicate');
  }

  committed(lastIndex: LogIndex): void {
    this.#takeThrough(this.#committing, lastIndex, 'commit');
    this.#applying.push({ lastIndex, at: this.#clock.now() });
  }

  applied(index: LogIndex): void {
    this.#takeThrough(this.#applying, index, 'apply');
  }

  #takeThrough(ring: Ring<Batch>, index: LogIndex, stage: Stage): void {
    const first = ring.peek();
    if (!first || first.lastIndex > index) return;
    const now = this.#clock.now();
    for (let batch = ring.peek(); batch && batch.lastIndex <= index; batch = ring.peek()) {
      this.#histograms[stage].record(now - batch.at);
      ring.shift();
    }
  }

  /** Leadership or term changed: what was on its way may be replaced, and is not measured. */
  forget(): void {
    this.#replicating.clear();
    this.#committing.clear();
  }

  times(): Readonly<Record<Stage, StageTimes>> {
    return Object.fromEntries(STAGES.map((stage) => [stage, timesOf(this.#histograms[stage])])) as Record<
      Stage,
      StageTimes
    >;
  }
}

function timesOf(histogram: Histogram): StageTimes {
  return {
    count: histogram.count,
    p50: histogram.percentile(0.5),
    p95: histogram.percentile(0.95),
    p99: histogram.percentile(0.99),
    max: histogram.count > 0 ? histogram.max : Number.NaN,
  };
}
