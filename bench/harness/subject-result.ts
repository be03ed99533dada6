import type { Measurement, Subject } from './case.ts';
import type { ProfileSummary } from './profile.ts';

/** What became of one subject of one case. */
export interface SubjectResult {
  readonly id: string;
  readonly kind: Subject['kind'];
  readonly title: string;
  readonly configuration: string;
  /** Why it was not run. */
  readonly skipped?: string;
  /** Problems of samples that gave nothing. */
  readonly failures: readonly string[];
  readonly samples: readonly Measurement[];
  /** Where ours spends its time, from one more run at quick size. */
  readonly profile?: ProfileSummary;
}
