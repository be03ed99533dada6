import fastq from 'fastq';
import PQueue from 'p-queue';
import type { Measurement, Sizes } from '../../harness/case.ts';

const CONCURRENCY = 256;

async function noop(): Promise<null> {
  return null;
}

async function rateOf(
  { warmUpTasks, tasks }: Sizes,
  run: (tasks: number) => Promise<number>,
): Promise<Measurement> {
  await run(warmUpTasks!);
  const start = performance.now();
  const done = await run(tasks!);
  if (done !== tasks) throw new Error(`${done} of ${tasks} were done`);
  const rate = (done * 1_000) / (performance.now() - start);
  return { figures: { rate }, verified: `${done} tasks done` };
}

export function pQueue(sizes: Sizes): Promise<Measurement> {
  const queue = new PQueue({ concurrency: CONCURRENCY });
  return rateOf(sizes, async (tasks) => {
    let done = 0;
    for (let i = 0; i < tasks; i++) void queue.add(noop).then(() => done++);
    await queue.onIdle();
    await Promise.resolve();
    return done;
  });
}

export function fastQueue(sizes: Sizes): Promise<Measurement> {
  const queue = fastq.promise<unknown, number, null>(noop, CONCURRENCY);
  return rateOf(sizes, async (tasks) => {
    const results = await Promise.all(Array.from({ length: tasks }, (_, i) => queue.push(i)));
    return results.length;
  });
}

/** A list of promises and nothing else: what calling an asynchronous function costs. */
export function bareCalls(sizes: Sizes): Promise<Measurement> {
  return rateOf(sizes, async (tasks) => (await Promise.all(Array.from({ length: tasks }, noop))).length);
}
