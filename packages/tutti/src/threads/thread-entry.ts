// The inside of one thread, begun by its node: the actors that are placed on it, behind the port to the node.
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock, type ThreadData } from '@tutti/kernel';
import { ThreadHost } from '@tutti/runtime';

/** How often the import of a module has failed here. */
const failures = new Map<string, number>();

/** A failed import fails ever after under the same address; what it lacked may be there when it is tried again. */
async function load(module: string, exported: string): Promise<unknown> {
  const times = failures.get(module) ?? 0;
  const address = times > 0 && module.startsWith('file:') ? `${module}?attempt=${times}` : module;
  try {
    return ((await import(address)) as Record<string, unknown>)[exported];
  } catch (error) {
    failures.set(module, times + 1);
    throw error;
  }
}

const port = parentPort!;
const host = new ThreadHost({
  data: workerData as ThreadData,
  clock: systemClock,
  post: (value) => port.postMessage(value),
  load,
});
port.on('message', (value) => host.receive(value));
