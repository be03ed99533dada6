import type { Measurement, Sizes } from './case.ts';

/** To the process of a sample: measure this, once. */
export interface SampleRequest {
  readonly caseId: string;
  readonly subjectId: string;
  readonly sizes: Sizes;
}

/** From it. */
export type SampleAnswer =
  | { readonly type: 'measured'; readonly measurement: Measurement }
  | { readonly type: 'failed'; readonly problem: string };
