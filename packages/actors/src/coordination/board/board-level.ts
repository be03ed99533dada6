import { TuttiError } from '@tutti/kernel';
import { LEVEL } from '@tutti/runtime';
import type { BoardCommand, SingleCommand } from './commands.ts';
import { partsOf } from './commands.ts';

/** Commands that a board of the version before does not know. */
const ADDED: ReadonlySet<SingleCommand['type']> = new Set(['session.begin', 'tasks.add', 'session.close']);

/**
 * Refuses what one of the members cannot apply, as that member does: one command of a batch refuses them all.
 * @param level What all members can apply.
 * @throws TuttiError `TUTTI_BOARD_LEVEL_LOW`
 */
export function refuseAbove(level: number, command: BoardCommand): void {
  if (level >= LEVEL.addedTasks) return;
  for (const { type } of partsOf(command))
    if (ADDED.has(type))
      throw new TuttiError('TUTTI_BOARD_LEVEL_LOW', { command: type, level, required: LEVEL.addedTasks });
}
