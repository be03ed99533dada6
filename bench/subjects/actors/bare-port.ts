import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { Histogram } from '../../harness/histogram.ts';
import { batchRate } from '../../harness/load.ts';
import { mustEqual } from './arrivals.ts';

const ECHO = `
  const { parentPort } = require('node:worker_threads');
  parentPort.on('message', (message) => parentPort.postMessage(message));
`;
const US_PER_MS = 1_000;

/** The way to a thread and back with nothing around it: a worker that posts back what it is posted. */
export async function barePort({ warmUpMs, asks, inFlight, bytes }: Sizes): Promise<Measurement> {
  const worker = new Worker(ECHO, { eval: true });
  let open = 0;
  let returned = 0;
  let empty = () => {};
  worker.on('message', (message: Uint8Array) => {
    mustEqual('bytes that came back', message.byteLength, bytes!);
    returned++;
    if (--open === 0) empty();
  });
  const roundOf = (count: number) => {
    const done = new Promise<void>((resolve) => (empty = resolve));
    open = count;
    for (let i = 0; i < count; i++) worker.postMessage(new Uint8Array(bytes!));
    return done;
  };
  const until = performance.now() + warmUpMs!;
  while (performance.now() < until) await roundOf(1);
  const latency = new Histogram();
  for (let i = 0; i < asks!; i++) {
    const start = performance.now();
    await roundOf(1);
    latency.record((performance.now() - start) * US_PER_MS);
  }
  const rate = await batchRate({ warmUpMs: warmUpMs!, durationMs: warmUpMs! }, inFlight!, () =>
    roundOf(inFlight!),
  );
  const ended = once(worker, 'exit');
  await worker.terminate();
  await ended;
  return {
    figures: { together: 1e6 / rate },
    histograms: { ask: latency.pack() },
    verified: `${returned} messages came back whole`,
  };
}
