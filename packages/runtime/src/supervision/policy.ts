import type { BackoffOptions } from '@tutti/kernel';

/**
 * When a child that ended by itself is started again. `permanent`: however it ended. `transient`: only when it failed.
 * `temporary`: never. A child that was told to stop stays away, whatever this says. (Erlang/OTP, supervisor behaviour,
 * "restart" and `terminate_child`.)
 */
export type RestartType = 'permanent' | 'transient' | 'temporary';

/** How many restarts are too many: more than `restarts` within the last `withinMs`. */
export interface Intensity {
  /** From 0; default 3. */
  readonly restarts: number;
  /** The window, in milliseconds; default 5,000. */
  readonly withinMs: number;
}

/** How one child is kept alive. */
export interface ChildPolicy {
  /** Default `transient`. */
  readonly restart?: RestartType;
  /** Default 3 restarts in 5 s. One more escalates to the parent. */
  readonly intensity?: Intensity;
  /** Wait before each restart; by default none. While it waits, messages are stashed. */
  readonly backoff?: BackoffOptions;
  /** How many messages wait while it is down; default 1,000. More are dead letters (`stash-full`). */
  readonly stashLimit?: number;
  /**
   * How long it may take to handle its mailbox and stop its children when asked to stop; then it is ended, and what
   * waits is dead letters. 0 ends it at once. Default 5,000; of a supervisor `Infinity`, as each of its children has a
   * deadline of its own. An entity whose shard moves has `handOverMs`, where that is more.
   */
  readonly shutdownMs?: number;
  /**
   * What it goes on from when it is started again after a failure: `fresh`, the default, or the `snapshot` that was
   * committed last before it. Timers of that state begin anew and entry actions do not run again, as with XState's
   * persisted snapshots. A keeper's own answer comes before this. A done actor always begins afresh.
   */
  readonly restartFrom?: 'fresh' | 'snapshot';
  /** Counts for its supervisor's `autoShutdown`; default false. Not for permanent children, which do not end. */
  readonly significant?: boolean;
}

/** 3 restarts in 5 s. */
export const DEFAULT_INTENSITY: Intensity = { restarts: 3, withinMs: 5_000 };
