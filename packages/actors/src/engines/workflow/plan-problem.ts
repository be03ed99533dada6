import type { ErrorCode, ErrorDetails } from '@tutti/kernel';

/** One thing that is wrong with a plan. `path` finds its place through a {@link SourceMap}. */
export interface PlanProblem {
  readonly code: ErrorCode;
  readonly path: readonly (string | number)[];
  readonly details: ErrorDetails;
}
