import { TuttiError } from '@tutti/kernel';
import type { SpawnOptions } from '../system/actor-system.ts';
import type { ThreadPool } from './thread-pool.ts';
import { misplaced } from './threaded.ts';

/**
 * What an actor of a thread cannot be spawned with, since its state is elsewhere.
 * @throws TuttiError `TUTTI_THREADS_OFF`, `TUTTI_THREADED_MISPLACED`, `TUTTI_OPTION_INVALID`
 */
export function checkThreaded(options: SpawnOptions, threads: ThreadPool | undefined): void {
  if (!threads) throw new TuttiError('TUTTI_THREADS_OFF', {});
  if (options.keeper) throw misplaced('an entity, whose state is committed by its node');
  if (options.supervise && options.supervise.restartFrom === 'snapshot') {
    const expected = 'fresh, for an actor of a thread, whose state goes with it';
    throw new TuttiError('TUTTI_OPTION_INVALID', { option: 'restartFrom', value: 'snapshot', expected });
  }
  if (options.mailbox?.defer) {
    const expected = 'meta: { defer } in the machine, for an actor of a thread, which alone knows its state';
    throw new TuttiError('TUTTI_OPTION_INVALID', { option: 'mailbox.defer', value: 'a function', expected });
  }
}
