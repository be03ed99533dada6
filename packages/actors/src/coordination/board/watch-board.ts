import type { Clock } from '@tutti/kernel';
import type { ReplicatedHandle } from '@tutti/runtime';
import { oncePerTurn } from '../once-per-turn.ts';
import type { TaskBoard } from './task-board.ts';

/**
 * Calls back when the board may have changed: once at the start, and then once per turn of the event loop however many
 * commands were applied in it, so that a flood of them is one reading. Returns the function that ends it.
 */
export function onBoardChange(
  board: Pick<ReplicatedHandle<TaskBoard>, 'watch'>,
  clock: Clock,
  changed: () => void,
): () => void {
  const { call, end } = oncePerTurn(clock, changed);
  const unwatch = board.watch({ applied: call, restored: call });
  call();
  return () => {
    end();
    unwatch();
  };
}
