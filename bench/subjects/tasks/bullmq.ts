import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Queue, Worker } from 'bullmq';
import { benchDisk } from '../../harness/bench-disk.ts';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { freePort } from '../erlang/distribution.ts';

const CONCURRENCY = 256;
const BULK = 1_000;

/** No-op jobs through BullMQ on one Redis that flushes its log before it answers. */
export async function bullmqTasks({ warmUpTasks, tasks }: Sizes): Promise<Measurement> {
  const folder = mkdtempSync(join(benchDisk(), 'tutti-bench-redis-'));
  const port = await freePort();
  const flags = ['--bind', '127.0.0.1', '--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
  const redis = spawn('redis-server', ['--port', String(port), '--dir', folder, ...flags], {
    stdio: 'ignore',
  });
  try {
    // The worker's connection must wait for Redis as long as it takes; BullMQ asks for this setting.
    const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null };
    const queue = new Queue('bench', { connection });
    let done = 0;
    let reached = () => {};
    let wanted = Infinity;
    const worker = new Worker('bench', async () => null, { connection, concurrency: CONCURRENCY });
    worker.on('completed', () => {
      if (++done === wanted) reached();
    });
    const run = async (count: number) => {
      wanted = done + count;
      const all = new Promise<void>((resolve) => (reached = resolve));
      for (let at = 0; at < count; at += BULK)
        await queue.addBulk(
          Array.from({ length: Math.min(BULK, count - at) }, () => ({
            name: 'noop',
            data: {},
            opts: { removeOnComplete: true },
          })),
        );
      await all;
    };
    await run(warmUpTasks!);
    const start = performance.now();
    await run(tasks!);
    const rate = (tasks! * 1_000) / (performance.now() - start);
    const { waiting = 0, active = 0, failed = 0 } = await queue.getJobCounts();
    if (waiting + active + failed > 0) throw new Error(`${waiting} wait, ${active} run, ${failed} failed`);
    await worker.close(true);
    await queue.close();
    return { figures: { rate }, verified: `${done} completions told, none waiting, active or failed` };
  } finally {
    redis.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}
