// The inside of one thread, begun by its node: the actors that are placed on it, behind the port to the node.
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock, type ThreadData } from '@tutti/kernel';
import { ThreadHost } from '@tutti/runtime';

const port = parentPort!;
const host = new ThreadHost({
  data: workerData as ThreadData,
  clock: systemClock,
  post: (value) => port.postMessage(value),
  load: async (module, exported) => ((await import(module)) as Record<string, unknown>)[exported],
});
port.on('message', (value) => host.receive(value));
