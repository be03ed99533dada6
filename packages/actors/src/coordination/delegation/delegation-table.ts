/**
 * How a delegation ended. `returned`: given back, since its orchestrator had crashed. `stale`: the board has given the
 * task to another attempt, or to nobody. `cancelled`: the orchestrator called it off. `abandoned`: this node is stopping
 * and could not tell the board any more.
 */
export type DelegationEnd = 'done' | 'failed' | 'returned' | 'stale' | 'cancelled' | 'abandoned';

/**
 * `accepted`: the start is being logged. `completing`, `failing`, `returning`: the end is being logged.
 */
export type DelegationState = 'accepted' | 'running' | 'completing' | 'failing' | 'returning' | 'ended';

/**
 * `logged`: the log has the report. `refused`: the board will not have it, since the fence is old. `too-large`: the log
 * will not have it. `closed`: there is no log any more to report to.
 */
export type DelegationEvent =
  | 'logged'
  | 'refused'
  | 'too-large'
  | 'closed'
  | 'work-done'
  | 'work-failed'
  | 'timeout'
  | 'cancel';

export interface DelegationStep {
  readonly to: DelegationState;
  /** Of a step to `ended`. */
  readonly end?: DelegationEnd;
}

const ended = (end: DelegationEnd): DelegationStep => ({ to: 'ended', end });
const REFUSALS = { refused: ended('stale'), 'too-large': ended('stale'), closed: ended('abandoned') };

const TABLE: {
  readonly [State in DelegationState]: { readonly [Event in DelegationEvent]?: DelegationStep };
} = {
  accepted: { logged: { to: 'running' }, cancel: ended('cancelled'), ...REFUSALS },
  running: {
    'work-done': { to: 'completing' },
    'work-failed': { to: 'failing' },
    timeout: { to: 'failing' },
    cancel: ended('cancelled'),
  },
  // A report that is under way is not called off: that the task is gone may be its own effect, seen before its answer.
  completing: { logged: ended('done'), ...REFUSALS, 'too-large': { to: 'failing' } },
  failing: { logged: ended('failed'), ...REFUSALS },
  returning: { logged: ended('returned'), ...REFUSALS },
  ended: {},
};

/** Where the life of a delegation begins: with its start to be logged, at its work, or with what a crash left behind. */
export type DelegationKind = 'offered' | 'handed-over' | 'orphaned';

export const FIRST_STATE: { readonly [Kind in DelegationKind]: DelegationState } = {
  offered: 'accepted',
  'handed-over': 'running',
  orphaned: 'returning',
};

/**
 * The life of one attempt under its orchestrator, as a table: what happens in a state when something comes, or
 * undefined when it means nothing there. A table and not an actor of its own, since an orchestrator has thousands of
 * them a second; a property test holds it equal to the XState machine that it stands for.
 */
export function delegationStep(state: DelegationState, event: DelegationEvent): DelegationStep | undefined {
  return TABLE[state][event];
}
