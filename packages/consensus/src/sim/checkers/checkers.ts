import type { Checker, CheckerWorld } from './checker.ts';
import { Commitment } from './commitment.ts';
import { ElectionSafety } from './election-safety.ts';
import { LogMatching } from './log-matching.ts';
import { MembershipAgreement } from './membership-agreement.ts';
import { Monotonic } from './monotonic.ts';
import { OpenedOnce } from './opened-once.ts';
import { StateMachineSafety } from './state-machine-safety.ts';

/** Every checker that follows a run. A new one is one entry here. */
export const CHECKERS: readonly ((world: CheckerWorld) => Checker)[] = [
  (world) => new ElectionSafety(world),
  (world) => new LogMatching(world),
  (world) => new StateMachineSafety(world),
  (world) => new Monotonic(world),
  (world) => new Commitment(world),
  (world) => new MembershipAgreement(world),
  (world) => new OpenedOnce(world),
];
