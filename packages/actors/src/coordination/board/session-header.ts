import type { ExecutionMode, Plan } from '../../engines/workflow/plan.ts';
import type { Intake } from './state.ts';

/** What a session is made with. */
export interface SessionHeader {
  readonly id: string;
  readonly plan: Plan;
  readonly mode: ExecutionMode;
  readonly folder: string;
  readonly openedAt: number;
  readonly intake: Intake;
}
