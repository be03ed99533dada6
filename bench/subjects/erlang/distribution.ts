import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { sleep } from '../../harness/load.ts';
import { runErlang } from './erlang.ts';

/** A free port; whoever asked should take it at once. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** A port mapper of the sample's own, so that none is left behind on the machine. */
export async function withPortMapper<Result>(
  action: (variables: Readonly<Record<string, string>>) => Promise<Result>,
): Promise<Result> {
  const port = String(await freePort());
  const mapper = spawn('epmd', ['-port', port, '-address', '127.0.0.1'], { stdio: 'ignore' });
  const failed = new Promise<never>((_, reject) => mapper.once('error', reject));
  try {
    await Promise.race([sleep(100), failed]);
    return await Promise.race([action({ ERL_EPMD_PORT: port, ERL_EPMD_ADDRESS: '127.0.0.1' }), failed]);
  } finally {
    mapper.kill();
  }
}

/** Messages between two Erlang nodes. */
export function erlangDistribution(what: 'oneway' | 'pingpong') {
  return ({ erlangCount }: Sizes): Promise<Measurement> =>
    withPortMapper((mapper) =>
      runErlang('distribution', {
        flags: ['-name', `bench_a_${process.pid}@127.0.0.1`, '-setcookie', 'bench'],
        variables: { ...mapper, BENCH_WHAT: what, BENCH_COUNT: String(erlangCount) },
      }),
    );
}
