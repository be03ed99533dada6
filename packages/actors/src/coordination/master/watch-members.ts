import type { Clock } from '@tutti/kernel';
import type { Members } from '@tutti/runtime';

/**
 * Calls back when somebody joined, left or was lost, once per turn of the event loop. Returns the function that ends it.
 */
export function onMembersChange(
  members: Pick<Members, 'onChange'>,
  clock: Clock,
  changed: () => void,
): () => void {
  let told = false;
  let over = false;
  const unwatch = members.onChange(() => {
    if (told) return;
    told = true;
    clock.nextTurn(() => {
      told = false;
      if (!over) changed();
    });
  });
  return () => {
    over = true;
    unwatch();
  };
}
