import type { BackoffOptions } from '@tutti/kernel';

/**
 * When a child is started again. `permanent`: however it ended. `transient`: only when it failed. `temporary`: never.
 * (Erlang/OTP, supervisor behaviour, "restart".)
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
  /** How long it may take to handle its mailbox when asked to stop; default 5,000. Then the rest are dead letters. */
  readonly shutdownMs?: number;
}

/** 3 restarts in 5 s. */
export const DEFAULT_INTENSITY: Intensity = { restarts: 3, withinMs: 5_000 };
