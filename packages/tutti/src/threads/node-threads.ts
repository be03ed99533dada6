import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { messageOf, type Thread, type ThreadData, type ThreadListener, type Threads } from '@tutti/kernel';

const entry = join(import.meta.dirname, `thread-entry${extname(import.meta.filename)}`);

/** The threads of this process: Node's own workers, each with its event loop and heap. */
export const nodeThreads: Threads = {
  start(data: ThreadData, listener: ThreadListener): Thread {
    const worker = new Worker(entry, { workerData: data, name: `tutti-${String(data['thread'])}` });
    let problem: string | undefined;
    worker.on('message', (value) => listener.message(value));
    // What cannot be read on this side was lost, and nobody knows what it was.
    worker.on('messageerror', (error) => {
      problem = messageOf(error);
      void worker.terminate();
    });
    worker.on('error', (error) => (problem = messageOf(error)));
    worker.on('exit', (code) =>
      listener.ended(problem ?? `its code ended it with exit code ${String(code)}`),
    );
    return {
      post: (value) => worker.postMessage(value),
      terminate: () => void worker.terminate(),
    };
  },
};
