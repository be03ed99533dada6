import { type BackoffOptions, TuttiError } from '@tutti/kernel';
import type { ActorLogic, AnyActorLogic, EventObject, Snapshot } from 'xstate';
import { HostedSelf } from '../actor/xstate-self.ts';
import type { MailboxOptions } from '../mailbox/mailbox-options.ts';
import type { RestartStrategy } from './decide.ts';
import { type ChildPolicy, DEFAULT_INTENSITY, type Intensity } from './policy.ts';
import type { SupervisionOptions } from './supervision.ts';

/**
 * One child of a {@link supervisor}. Each is started when the one before it in the list is up, with all that is below
 * it, and they are stopped in the reverse order.
 */
export interface ChildSpec {
  /** Unique among the supervisor's children. */
  readonly id: string;
  readonly logic: AnyActorLogic;
  readonly input?: unknown;
  /** What differs from the supervisor's own intensity and backoff. */
  readonly policy?: ChildPolicy;
  readonly mailbox?: MailboxOptions;
}

/** Which children a supervisor has, and what it does when one of them fails. */
export interface SupervisorOptions {
  /** Default `one-for-one`. */
  readonly strategy?: RestartStrategy;
  /** For each child by itself; default 3 restarts in 5 s. One more makes the supervisor fail with the child's error. */
  readonly intensity?: Intensity;
  /**
   * For all children together. By default only each child's own count matters, except with `one-for-all` and
   * `rest-for-one`: there the failure of one is a restart of others, and the default is the `intensity`.
   */
  readonly totalIntensity?: Intensity;
  /** Wait before each restart; by default none. */
  readonly backoff?: BackoffOptions;
  /**
   * Started in this order. If one cannot be started, those after it are not, those before it are stopped, and the
   * supervisor fails with its error. (A restart that fails is one more failure, within the intensity.) None with `dynamic`.
   */
  readonly children?: readonly ChildSpec[];
  /** Most children at a time; spawning one more throws `TUTTI_OVERLOADED`. By default the node's `limits.actors` bounds them. */
  readonly childrenMax?: number;
  /**
   * Whether the supervisor is done when its `significant` children have ended by themselves and are not restarted: when
   * one has, or all. Default `never`. (Erlang/OTP, supervisor behaviour, "auto_shutdown".)
   */
  readonly autoShutdown?: 'never' | 'any-significant' | 'all-significant';
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
 * as `parent` join its children, last in order. A machine that invokes or spawns it fails with
 * `TUTTI_SUPERVISOR_MISPLACED`: inside of a machine there is nothing to restart.
 * @throws TuttiError `TUTTI_OPTION_INVALID`
 */
export function supervisor(options: SupervisorOptions): SupervisorLogic {
  check(options);
  const initial: SupervisorSnapshot = {
    status: 'active',
    output: undefined,
    error: undefined,
    context: undefined,
  };
  const begin = ({ self }: { readonly self: unknown }): SupervisorSnapshot => {
    if (!(self instanceof HostedSelf)) throw misplacedSupervisor('invoked or spawned inside a machine');
    return initial;
  };
  return {
    [SUPERVISION]: options,
    transition: (snapshot) => snapshot,
    getInitialSnapshot: begin,
    getPersistedSnapshot: () => initial,
    restoreSnapshot: (_, scope) => begin(scope),
  };
}

export const misplacedSupervisor = (how: string): TuttiError =>
  new TuttiError('TUTTI_SUPERVISOR_MISPLACED', { how });

function check({ strategy, children = [], autoShutdown = 'never', ...rest }: SupervisorOptions): void {
  const refuse = (option: string, value: string, expected: string): never => {
    throw new TuttiError('TUTTI_OPTION_INVALID', { option, value, expected });
  };
  const ids = new Set<string>();
  for (const { id, policy } of children) {
    if (ids.has(id)) refuse('supervisor.children', id, 'each child an id of its own');
    ids.add(id);
    if (!policy?.significant) continue;
    if (autoShutdown === 'never') refuse('significant', id, 'the supervisor an autoShutdown as well');
    if (policy.restart === 'permanent')
      refuse('significant', id, 'it to a child that may end: a permanent one never does');
  }
  if (strategy === 'dynamic' && children.length > 0)
    refuse(
      'supervisor.children',
      [...ids].join(),
      'no list to a dynamic supervisor: spawn with it as the parent',
    );
  const { intensity, totalIntensity, childrenMax = 1 } = rest;
  if (!Number.isInteger(childrenMax) || childrenMax < 1)
    refuse('supervisor.childrenMax', String(childrenMax), 'a whole number from 1');
  for (const each of [intensity, totalIntensity]) {
    if (!each) continue;
    const { restarts, withinMs } = each;
    if (!(restarts >= 0 && withinMs > 0))
      refuse('intensity', JSON.stringify(each), 'restarts from 0 up and withinMs above 0');
  }
}

/** The options of a logic that {@link supervisor} made. */
export function supervisionOf(logic: AnyActorLogic): SupervisorOptions | undefined {
  return SUPERVISION in logic ? (logic as SupervisorLogic)[SUPERVISION] : undefined;
}

/** How the children of an actor are looked after: of a supervisor by its options, of any other actor each by itself. */
export function supervisionOptions(supervisor: SupervisorOptions | undefined): SupervisionOptions {
  const {
    strategy: kind = 'one-for-one',
    intensity = DEFAULT_INTENSITY,
    totalIntensity,
    autoShutdown,
  } = supervisor ?? {};
  const isForAll = kind === 'one-for-all' || kind === 'rest-for-one';
  return { kind, totalIntensity: totalIntensity ?? (isForAll ? intensity : undefined), autoShutdown };
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
