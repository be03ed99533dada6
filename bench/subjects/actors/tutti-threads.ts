import { type Ref, threaded } from '@tutti/runtime';
import { nodeThreads } from '../../../packages/tutti/src/threads/node-threads.ts';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { localSystem } from './local-system.ts';
import { type counting, measureAsk } from './tutti-actors.ts';

const MODULE = new URL('./tutti-actors.ts', import.meta.url);

export async function askInThread(sizes: Sizes): Promise<Measurement> {
  const system = localSystem({}, { threads: nodeThreads, size: 1 });
  const ref: Ref<{ type: 'GET' }> = system.spawn(threaded<typeof counting>(MODULE, { export: 'counting' }));
  const measured = await measureAsk(ref, sizes);
  await system.stop();
  return measured;
}
