import { setTimeout } from 'node:timers/promises';

/** Waits, or until it is called off. */
export async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  await setTimeout(delayMs, undefined, { signal }).catch(() => {});
}
