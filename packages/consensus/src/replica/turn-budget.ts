import type { Clock } from '@tutti/kernel';

/** How long work that is done in slices may go on within one turn of the event loop. */
export interface TimeLimit {
  /** A new turn begins. */
  readonly begin: () => void;
  readonly isUp: () => boolean;
}

export function timeLimit(clock: Clock, budgetMs: number): TimeLimit {
  let until = Infinity;
  return {
    begin: () => {
      until = clock.now() + budgetMs;
    },
    isUp: () => clock.now() >= until,
  };
}

/** What an action gave, or why it could not. */
export function attempt<T>(action: () => T): { readonly failure: Error | undefined; readonly value?: T } {
  try {
    return { failure: undefined, value: action() };
  } catch (thrown) {
    return { failure: thrown instanceof Error ? thrown : new Error(String(thrown)) };
  }
}
