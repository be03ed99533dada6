import type { PackedHistogram } from './histogram.ts';
import type { Requirement } from './requirements.ts';

/** The numbers that say how much is done: `messages`, `durationMs`. Two sets per case, quick and full. */
export type Sizes = Readonly<Record<string, number>>;

/** A point of a curve, such as offered load against latency. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** What one fresh process measured, once. */
export interface Measurement {
  /** Values by figure id. */
  readonly figures: Readonly<Record<string, number>>;
  /** Latencies by histogram id; figures with a `percentile` are read from them, merged over the processes. */
  readonly histograms?: Readonly<Record<string, PackedHistogram>>;
  readonly curves?: Readonly<Record<string, readonly Point[]>>;
  /** What was counted to be sure that the work was done, in words and numbers. Throw if it was not. */
  readonly verified: string;
}

/** One figure that a case gives. */
export interface FigureSpec {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  /** Reads the figure from a histogram instead of `figures`: the id, and a fraction such as 0.99; 1 is the maximum. */
  readonly percentile?: { readonly of: string; readonly at: number };
}

/** A line that a figure of ours has to reach. */
export interface Target {
  readonly level: 'floor' | 'aim';
  readonly figure: string;
  /** The ratio to `against`; without `against`, the value itself. */
  readonly value: number;
  /** Whose figure is the unit; by default the same figure id. */
  readonly against?: { readonly subject: string; readonly figure?: string };
  /** Why there is no arithmetic beside it when it is not met: of a floor, where {@link BenchCase.limits} has none. */
  readonly noLimit?: string;
}

/** A curve that a case draws. */
export interface CurveSpec {
  readonly id: string;
  readonly title: string;
  readonly x: string;
  readonly y: string;
  /** Both axes logarithmic. */
  readonly logarithmic?: boolean;
  /** Of a logarithmic curve: the power by which cost is said to grow, printed beside the one that was measured. */
  readonly statedSlope?: number;
}

export type SubjectRun = (sizes: Sizes) => Promise<Measurement>;

/**
 * Something that is measured. `ours` is what the case is about; a `limit` is the same work with everything taken
 * away that the machine does not ask for; a `peer` is somebody else's answer; an `ablation` is ours with one
 * feature switched off.
 */
export interface Subject {
  readonly id: string;
  readonly kind: 'ours' | 'limit' | 'peer' | 'ablation';
  readonly title: string;
  /** How it was set up, for the reader: versions are added where they are known. */
  readonly configuration: string;
  /** The figures that it gives; by default every one. A line on a figure that ours gives and did not is not met. */
  readonly figures?: readonly string[];
  /** What must be there; absent, the subject is skipped by name. */
  readonly requires?: Requirement;
  /** Loads the code that is measured, in the sample's own process and nowhere else. */
  readonly load: () => Promise<SubjectRun>;
}

/** One file under `cases/`. */
export interface BenchCase {
  readonly id: string;
  readonly title: string;
  readonly measures: string;
  readonly payload: string;
  readonly durability: string;
  readonly verification: string;
  readonly figures: readonly FigureSpec[];
  readonly targets: readonly Target[];
  readonly curves?: readonly CurveSpec[];
  readonly subjects: readonly Subject[];
  readonly sizes: { readonly quick: Sizes; readonly full: Sizes };
  /**
   * How long one sample takes with these sizes, in seconds, where that is more than some seconds. It foretells the
   * remaining time, and a sample that takes three times as long and a minute more is ended.
   */
  readonly expectedS?: (sizes: Sizes) => number;
  /** Processes per subject when the usual five, or three in a quick run, are too long. */
  readonly runs?: { readonly quick: number; readonly full: number };
  /** `false` for cases where the time of the processor is not what is spent: kills, pauses, waiting. */
  readonly isProfiled?: boolean;
  /** What the reader has to know beside the numbers. */
  readonly note?: string;
  /** Why ours is not faster: said beside a line that is not met, with numbers of the same run. */
  readonly limits?: readonly LimitSpec[];
}

/** The arithmetic of a limit. */
export interface LimitSpec {
  /** The figure whose unmet lines it explains. */
  readonly figure: string;
  /** The numbers that it is made of. */
  readonly needs: readonly (readonly [subject: string, figure: string])[];
  /** Says it in words; undefined when a number that it needs was not measured. */
  readonly explain: (measured: MeasuredValue) => string | undefined;
}

/** The quoted value of a subject's figure in this run. */
export type MeasuredValue = (subject: string, figure: string) => number | undefined;
