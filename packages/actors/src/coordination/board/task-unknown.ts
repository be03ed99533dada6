import { TuttiError } from '@tutti/kernel';
import { didYouMean } from '../../engines/workflow/did-you-mean.ts';
import type { SessionRecord } from './state.ts';

/**
 * The refusal of a task that a session does not have, with the id of the one that was probably meant: by an id nearly
 * like it, or by a title, which reports show and nobody can be asked for.
 */
export function taskUnknown(
  { id: session, tasks }: Pick<SessionRecord, 'id' | 'tasks'>,
  task: string,
): TuttiError {
  const hint = didYouMean(task, tasks.keys()) || byTitle(tasks, task);
  return new TuttiError('TUTTI_TASK_UNKNOWN', { session, task, hint });
}

function byTitle(tasks: SessionRecord['tasks'], text: string): string {
  const ids = new Map<string, string>();
  for (const [id, { plan }] of tasks) ids.set(plan.title.toLowerCase(), id);
  return didYouMean(text.toLowerCase(), ids.keys(), (title) => ids.get(title)!);
}
