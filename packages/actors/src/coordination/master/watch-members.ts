import type { Clock } from '@tutti/kernel';
import type { Members } from '@tutti/runtime';
import { fromCallback } from 'xstate';

/** Somebody joined, left or was lost. */
export interface MembersChanged {
  readonly type: 'members.changed';
}

/** Tells its parent of changes among the members, once per turn of the event loop. */
export function watchMembers(members: Pick<Members, 'onChange'>, clock: Clock) {
  return fromCallback<MembersChanged>(({ sendBack }) => {
    let told = false;
    let over = false;
    const unwatch = members.onChange(() => {
      if (told) return;
      told = true;
      clock.nextTurn(() => {
        told = false;
        if (!over) sendBack({ type: 'members.changed' });
      });
    });
    return () => {
      over = true;
      unwatch();
    };
  });
}
