import { settled, type VirtualClock } from '@tutti/kernel';

/** How often in a row nothing may happen before `work` is taken for stuck. */
const IDLE_MAX = 10;

/** Runs `work` to its end on virtual time. */
export async function driven<T>(world: VirtualClock, work: Promise<T>): Promise<T> {
  const state = { over: false };
  const end = () => (state.over = true);
  void work.then(end, end);
  for (let idle = 0; !state.over && idle < IDLE_MAX; ) {
    await settled();
    if (world.step()) idle = 0;
    else idle++;
  }
  return work;
}
