import type { Clock } from '@tutti/kernel';
import type { Members } from '@tutti/runtime';
import { oncePerTurn } from '../once-per-turn.ts';

/**
 * Calls back when somebody joined, left or was lost, once per turn of the event loop. Returns the function that ends it.
 */
export function onMembersChange(
  members: Pick<Members, 'onChange'>,
  clock: Clock,
  changed: () => void,
): () => void {
  const { call, end } = oncePerTurn(clock, changed);
  const unwatch = members.onChange(call);
  return () => {
    end();
    unwatch();
  };
}
