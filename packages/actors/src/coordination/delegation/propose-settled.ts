import { backoffDelayMs, type Clock, isTuttiError, type Random, TuttiError } from '@tutti/kernel';
import type { BoardCommand } from '../board/commands.ts';

/** Says what this command came to, or throws; the part of a ReplicatedHandle that proposers need. */
export interface Proposer {
  propose(command: BoardCommand): Promise<unknown>;
}

export interface SettleTools {
  readonly board: Proposer;
  readonly clock: Clock;
  readonly random: Random;
}

const TRANSIENT = [
  'TUTTI_NO_LEADER',
  'TUTTI_OUTCOME_UNKNOWN',
  'TUTTI_OVERLOADED',
  'TUTTI_SESSION_EXPIRED',
] as const;

/** Whether the same proposal may succeed later, with nothing changed by whoever makes it. */
export function isTransient(thrown: unknown): boolean {
  return TRANSIENT.some((code) => isTuttiError(thrown, code));
}

const WAIT = { initialMs: 20, maxMs: 2_000, factor: 2, jitter: 0.5 } as const;

/**
 * Proposes until the log has answered: an unreachable log is waited for with backoff, however long that takes, since
 * only the log can say that the fence is stale. A command that took effect unseen is answered with
 * `TUTTI_FENCE_STALE` the second time, which the caller tells apart by looking at the board.
 * @throws TuttiError what the board refused with, or `TUTTI_ABORTED`
 */
export async function proposeSettled(
  tools: SettleTools,
  command: BoardCommand,
  signal: AbortSignal,
): Promise<unknown> {
  for (let retry = 0; ; retry++) {
    if (signal.aborted) throw new TuttiError('TUTTI_ABORTED', { what: command.type });
    try {
      return await tools.board.propose(command);
    } catch (thrown) {
      if (!isTransient(thrown)) throw thrown;
    }
    await pause(tools.clock, backoffDelayMs(retry, WAIT, tools.random), signal);
  }
}

/** Lets time pass; ends at once, without failing, when aborted. */
function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(delayMs, resolve);
    signal.addEventListener(
      'abort',
      () => {
        clock.clearTimer(timer);
        resolve();
      },
      { once: true },
    );
  });
}
