import type { BackoffOptions } from '@tutti/kernel';

/**
 * A plan after reading and before checking: tasks that need one another, and the points where orchestrators meet.
 * Durations are in milliseconds. It is plain data, so that it can be proposed to the log as it stands.
 */
export interface Plan {
  readonly name: string;
  /** The orchestrators that take part, with how many tasks each runs at once (per node). */
  readonly orchestrators: readonly PlanOrchestrator[];
  readonly tasks: readonly PlanTask[];
  readonly barriers: readonly PlanBarrier[];
}

/** An orchestrator that a plan names, and how much of it each node may run at once. */
export interface PlanOrchestrator {
  /** Such as `backend`; also the profile it takes its defaults from, where a profile has that name. */
  readonly id: string;
  /** From 1 up; the default comes from the profile, else 5. */
  readonly maxConcurrentTasks: number;
}

/** How a task's work is done. Further kinds (`http`, `agent`) come beside these. */
export type PlanWork =
  /**
   * A function, called with the task's input: exported by `module` (an absolute path that every node can read), or
   * without one from the table of functions that the node was given.
   */
  | { readonly type: 'function'; readonly name: string; readonly module?: string }
  /** A command line run by the shell, in the run's output folder. */
  | { readonly type: 'shell'; readonly command: string }
  /** Nothing but time passing: for models of a plan, on virtual time. */
  | { readonly type: 'simulated'; readonly durationMs: number };

/** How often a task that fails is tried, and how long it waits in between. */
export interface RetryPolicy {
  /** Attempts in all, from 1 up; default 3. A node that dies does not use one up. */
  readonly attemptsMax: number;
  readonly backoff: BackoffOptions;
}

/** One piece of work. Everything about it is settled here; defaults are those of a plan file. */
export interface PlanTask {
  /** Unique in the plan. */
  readonly id: string;
  /** For people; default the id. */
  readonly title: string;
  readonly orchestrator: string;
  readonly work: PlanWork;
  /** Ids of tasks that must be done first. */
  readonly needs: readonly string[];
  /** Parameters handed to the work as they are. */
  readonly with: Readonly<Record<string, unknown>>;
  readonly retry: RetryPolicy;
  /** From start to end of one attempt; default 300,000 (the original's five minutes). */
  readonly timeoutMs: number;
  /** A guess at how long it takes, for ordering and for reports; default 0. */
  readonly estimateMs: number;
  /** May be given up without failing the session when the cluster degrades; default false. */
  readonly optional: boolean;
  /** Files or keys that the result must name; a missing one fails the attempt (`TUTTI_DELIVERABLE_MISSING`). */
  readonly deliverables: readonly string[];
}

/**
 * A named meeting of orchestrators. A participant arrives when all of its own tasks in `after` are done; when all
 * have arrived and the check finds no conflict, the barrier is released, once, and the tasks in `before` may start.
 */
export interface PlanBarrier {
  readonly id: string;
  readonly title: string;
  readonly participants: readonly string[];
  readonly after: readonly string[];
  readonly before: readonly string[];
  /** The conflict detector that compares what the participants bring; none if absent. */
  readonly check?: string;
}

/** `eager`: a task starts when what it needs is done. `wave`: also when every task of the levels below is done. */
export type ExecutionMode = 'eager' | 'wave';

/** Where in a plan file something stands, for errors. Lines and columns from 1. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Finds the position of a part of the plan by its path, such as `['tasks', 'cart-ui', 'needs', 0]`. */
export type SourceMap = (path: readonly (string | number)[]) => SourcePosition | undefined;
