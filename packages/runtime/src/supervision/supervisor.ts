import type { BackoffOptions } from '@tutti/kernel';
import type { ActorLogic, AnyActorLogic, EventObject, Snapshot } from 'xstate';
import type { MailboxOptions } from '../mailbox/mailbox-options.ts';
import type { RestartStrategy } from './decide.ts';
import type { ChildPolicy, Intensity } from './policy.ts';

/** One child of a {@link supervisor}, started in the order of the list and stopped in the reverse order. */
export interface ChildSpec {
  /** Unique among the supervisor's children. */
  readonly id: string;
  readonly logic: AnyActorLogic;
  readonly input?: unknown;
  /** What differs from the supervisor's own intensity and backoff. */
  readonly policy?: ChildPolicy;
  readonly mailbox?: MailboxOptions;
}

export interface SupervisorOptions {
  /** Default `one-for-one`. */
  readonly strategy?: RestartStrategy;
  /** For each child by itself; default 3 restarts in 5 s. One more makes the supervisor fail with the child's error. */
  readonly intensity?: Intensity;
  /** For all children together; by default only each child's own count matters. */
  readonly totalIntensity?: Intensity;
  /** Wait before each restart; by default none. */
  readonly backoff?: BackoffOptions;
  readonly children?: readonly ChildSpec[];
}

/** Marks a logic as a supervisor and holds its options. */
export const SUPERVISION: unique symbol = Symbol('tutti.supervision');

type SupervisorSnapshot = Snapshot<undefined> & { readonly context: undefined };

/** The logic of a supervisor. It handles no events of its own. */
export type SupervisorLogic = ActorLogic<SupervisorSnapshot, EventObject> & {
  readonly [SUPERVISION]: SupervisorOptions;
};

/**
 * A supervisor as actor logic: spawn it at the top, or as a child of another supervisor. Actors spawned later with it
 * as `parent` join its children, last in order.
 */
export function supervisor(options: SupervisorOptions): SupervisorLogic {
  const initial: SupervisorSnapshot = {
    status: 'active',
    output: undefined,
    error: undefined,
    context: undefined,
  };
  return {
    [SUPERVISION]: options,
    transition: (snapshot) => snapshot,
    getInitialSnapshot: () => initial,
    getPersistedSnapshot: () => initial,
    restoreSnapshot: () => initial,
  };
}

/** The options of a logic that {@link supervisor} made. */
export function supervisionOf(logic: AnyActorLogic): SupervisorOptions | undefined {
  return SUPERVISION in logic ? (logic as SupervisorLogic)[SUPERVISION] : undefined;
}

/** What holds for a child: its own policy, over the supervisor's. */
export function policyUnder(
  supervisor: SupervisorOptions | undefined,
  policy: ChildPolicy | false | undefined,
): ChildPolicy | false {
  if (policy === false) return false;
  if (!supervisor) return policy ?? DEFAULT_POLICY;
  const { intensity, backoff } = supervisor;
  return { ...(intensity && { intensity }), ...(backoff && { backoff }), ...policy };
}

const DEFAULT_POLICY: ChildPolicy = {};
