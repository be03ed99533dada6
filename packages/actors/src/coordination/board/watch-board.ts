import type { Clock } from '@tutti/kernel';
import type { ReplicatedHandle } from '@tutti/runtime';
import { fromCallback } from 'xstate';
import type { TaskBoard } from './task-board.ts';

/** The board may have changed; what has, is read from it. */
export interface BoardChanged {
  readonly type: 'board.changed';
}

/**
 * Tells its parent that the board changed: once at the start, and then once per turn of the event loop however many
 * commands were applied in it, so that a flood of them is one reading.
 */
export function watchBoard(board: Pick<ReplicatedHandle<TaskBoard>, 'watch'>, clock: Clock) {
  return fromCallback<BoardChanged>(({ sendBack }) => {
    let told = false;
    let over = false;
    const tell = () => {
      if (told) return;
      told = true;
      clock.nextTurn(() => {
        told = false;
        if (!over) sendBack({ type: 'board.changed' });
      });
    };
    const unwatch = board.watch({ applied: tell, restored: tell });
    tell();
    return () => {
      over = true;
      unwatch();
    };
  });
}
