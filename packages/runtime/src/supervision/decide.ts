import { type BackoffOptions, backoffDelayMs, type Random } from '@tutti/kernel';
import { DEFAULT_INTENSITY, type Intensity, type RestartType } from './policy.ts';

/**
 * Whom the failure of one child concerns. `one-for-one`: that child. `one-for-all`: all children. `rest-for-one`: that
 * child and those started after it. `dynamic`: that child, among any number that come and go, in no order: they are all
 * told to stop at once. (Erlang/OTP, supervisor behaviour, "strategy"; `dynamic` is its simple_one_for_one.)
 */
export type RestartStrategy = 'one-for-one' | 'one-for-all' | 'rest-for-one' | 'dynamic';

/** A child as the decision sees it. */
export interface SupervisedChild {
  readonly id: string;
  readonly restart: RestartType;
  readonly intensity: Intensity;
  readonly backoff?: BackoffOptions | undefined;
}

/** How a supervisor goes about it. */
export interface Strategy {
  readonly kind: RestartStrategy;
  /** In the order they were started. */
  readonly children: readonly SupervisedChild[];
  /** How many restarts of all children together are too many; by default only each child's own count matters. */
  readonly totalIntensity?: Intensity | undefined;
}

/** How a child ended by itself: it failed, it reached its end, or its logic said that it stopped. */
export type ChildEnding = 'failed' | 'done' | 'stopped';

/** What happened to a child. */
export interface ChildFailure {
  readonly child: string;
  readonly how: ChildEnding;
  readonly atMs: number;
  /** It was not the child's own doing: it is started again at once, and that counts against nobody. */
  readonly isExcused?: boolean;
}

/** What a supervisor remembers of one child, or of all together. Instants are of its clock. */
export interface RestartHistory {
  /** When it was restarted, within the window of its intensity. At most `intensity.restarts` of them. */
  readonly restartsAtMs: readonly number[];
  /** Failures one soon after the other, which is what backoff grows with. */
  readonly failuresInARow: number;
  /** When it was last started again, backoff included. */
  readonly upSinceMs: number;
}

export const NO_HISTORY: RestartHistory = { restartsAtMs: [], failuresInARow: 0, upSinceMs: 0 };

/** One thing to do. Stops come first, last child first; then starts, first child first. */
export type Directive =
  | { readonly type: 'suspend'; readonly child: string }
  | { readonly type: 'stop'; readonly child: string }
  | { readonly type: 'restart'; readonly child: string; readonly delayMs: number }
  | { readonly type: 'escalate'; readonly child: string };

/** What to do, and what to remember. */
export interface Decision {
  readonly directives: readonly Directive[];
  readonly history: RestartHistory;
  readonly total: RestartHistory;
}

/** Adds a restart to a history, or says undefined when it would be one too many. */
function count(history: RestartHistory, intensity: Intensity, atMs: number): RestartHistory | undefined {
  const recent = history.restartsAtMs.filter((at) => atMs - at < intensity.withinMs);
  if (recent.length >= intensity.restarts) return undefined;
  return { ...history, restartsAtMs: [...recent, atMs] };
}

/** Whom the restart of a child takes along, in the order of their start, itself included. */
function affected(strategy: Strategy, at: number): readonly SupervisedChild[] {
  if (strategy.kind === 'one-for-all') return strategy.children;
  if (strategy.kind === 'rest-for-one') return strategy.children.slice(at);
  return [strategy.children[at]!];
}

/**
 * What to do about a child that failed or was done. Pure: the same arguments and random numbers give the same answer.
 * A child that stayed up longer than its window and its last wait together begins its backoff anew.
 */
export function decide(
  strategy: Strategy,
  failure: ChildFailure,
  history: RestartHistory,
  total: RestartHistory,
  random: Random,
): Decision {
  const at = strategy.children.findIndex((child) => child.id === failure.child);
  const child = strategy.children[at]!;
  const isWanted =
    child.restart === 'permanent' || (child.restart === 'transient' && failure.how === 'failed');
  if (!isWanted) return { directives: [{ type: 'stop', child: child.id }], history, total };
  if (failure.isExcused) return { directives: plan(affected(strategy, at), 0, child.id), history, total };

  const counted = count(history, child.intensity, failure.atMs);
  const { totalIntensity } = strategy;
  const countedTotal = totalIntensity ? count(total, totalIntensity, failure.atMs) : total;
  if (!counted || !countedTotal) {
    return { directives: [{ type: 'escalate', child: child.id }], history, total };
  }

  const wasSteady = failure.atMs - history.upSinceMs > child.intensity.withinMs;
  const failuresInARow = wasSteady ? 1 : history.failuresInARow + 1;
  const delayMs = child.backoff ? backoffDelayMs(failuresInARow - 1, child.backoff, random) : 0;
  return {
    directives: plan(affected(strategy, at), delayMs, child.id),
    history: { ...counted, failuresInARow, upSinceMs: failure.atMs + delayMs },
    total: countedTotal,
  };
}

/** A temporary child that is taken along is stopped for good; the others come back. */
function plan(children: readonly SupervisedChild[], delayMs: number, failed: string): readonly Directive[] {
  const down = [...children].reverse().map((child): Directive => {
    const isKept = child.restart !== 'temporary' || child.id === failed;
    return { type: isKept ? 'suspend' : 'stop', child: child.id };
  });
  const up = children
    .filter((child) => child.restart !== 'temporary' || child.id === failed)
    .map((child): Directive => ({ type: 'restart', child: child.id, delayMs }));
  return [...down, ...up];
}

/** A policy with its defaults filled in, as {@link decide} wants it. */
export function supervised(
  id: string,
  policy: { restart?: RestartType; intensity?: Intensity; backoff?: BackoffOptions } | false,
): SupervisedChild {
  if (policy === false) return { id, restart: 'temporary', intensity: DEFAULT_INTENSITY };
  const { restart = 'transient', intensity = DEFAULT_INTENSITY, backoff } = policy;
  return { id, restart, intensity, backoff };
}
