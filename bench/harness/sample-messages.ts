import type { Measurement, Sizes } from './case.ts';
import type { ProfileSummary } from './profile.ts';

/** To the process of a sample: measure this, once. */
export interface SampleRequest {
  readonly caseId: string;
  readonly subjectId: string;
  readonly sizes: Sizes;
}

/** From it. */
export type SampleAnswer =
  | { readonly type: 'measured'; readonly measurement: Measurement; readonly profile?: ProfileSummary }
  | { readonly type: 'failed'; readonly problem: string };
