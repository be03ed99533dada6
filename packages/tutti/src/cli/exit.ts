/** What the process exits with: 0 done, 1 the work failed, 2 wrong usage or input, 130 interrupted. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;
