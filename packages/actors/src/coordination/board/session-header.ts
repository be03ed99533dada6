import { canonicalText } from '@tutti/kernel';
import type { ExecutionMode, Plan } from '../../engines/workflow/plan.ts';
import type { BeginSession, OpenSession } from './commands.ts';

/** What a session is made with. */
export interface SessionHeader {
  readonly id: string;
  readonly plan: Plan;
  readonly mode: ExecutionMode;
  readonly folder: string;
  readonly openedAt: number;
  /** Whether it was opened to end only once it is closed. What may be added to it now is its `intake`. */
  readonly staysOpen: boolean;
}

/** The same plan opened in the same way under the same id is the same wish made twice, and harmless. */
export function isSameWish(header: SessionHeader, command: OpenSession | BeginSession): boolean {
  const { type, plan, mode, folder } = command;
  return (
    header.mode === mode &&
    header.folder === folder &&
    header.staysOpen === (type === 'session.begin') &&
    canonicalText(header.plan) === canonicalText(plan)
  );
}
