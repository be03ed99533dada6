import type { Clock } from '@tutti/kernel';
import type { ReplicatedHandle } from '@tutti/runtime';
import { fromCallback } from 'xstate';
import type { TaskBoard } from './task-board.ts';

/** The board may have changed; what has, is read from it. */
export interface BoardChanged {
  readonly type: 'board.changed';
}

/**
 * Calls back when the board may have changed: once at the start, and then once per turn of the event loop however many
 * commands were applied in it, so that a flood of them is one reading. Returns the function that ends it.
 */
export function onBoardChange(
  board: Pick<ReplicatedHandle<TaskBoard>, 'watch'>,
  clock: Clock,
  changed: () => void,
): () => void {
  let told = false;
  let over = false;
  const tell = () => {
    if (told) return;
    told = true;
    clock.nextTurn(() => {
      told = false;
      if (!over) changed();
    });
  };
  const unwatch = board.watch({ applied: tell, restored: tell });
  tell();
  return () => {
    over = true;
    unwatch();
  };
}

/** {@link onBoardChange} as an actor that tells its parent. */
export function watchBoard(board: Pick<ReplicatedHandle<TaskBoard>, 'watch'>, clock: Clock) {
  return fromCallback<BoardChanged>(({ sendBack }) =>
    onBoardChange(board, clock, () => sendBack({ type: 'board.changed' })),
  );
}
