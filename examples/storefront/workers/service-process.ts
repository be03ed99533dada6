import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { WorkInput } from '@tutti/actors';
import { OutputFolder } from './output-folder.ts';

/** The built service, running in a process of its own. */
export interface RunningService {
  readonly port: number;
  /** Such as `http://127.0.0.1:41234`. */
  readonly origin: string;
  readonly pid: number;
}

/**
 * Starts the service that the session built on a free port with a throw-away database, runs `body`, and ends the
 * process whatever happens: by kill when the attempt ends or is aborted, and through its closed standard input when
 * this node is killed itself and can do nothing any more.
 */
export async function withService<T>(
  input: WorkInput,
  body: (service: RunningService) => Promise<T>,
): Promise<T> {
  input.signal.throwIfAborted();
  const script = new OutputFolder(input).path('service/server.mjs');
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', script, '--port', '0', '--end-with-stdin'],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  const exited = once(child, 'exit').catch(() => undefined);
  child.stdin.on('error', () => undefined);
  const abandon = abandonment(input.signal);
  try {
    // The abort itself ends the wait: `body` may be in the middle of something that never notices.
    return await Promise.race([useService(child, body), abandon.promise]);
  } finally {
    abandon.forget();
    child.kill('SIGKILL');
    await exited;
  }
}

async function useService<T>(child: ChildProcess, body: (service: RunningService) => Promise<T>): Promise<T> {
  const port = await listeningPort(child);
  return await body({ port, origin: `http://127.0.0.1:${port}`, pid: child.pid ?? 0 });
}

/** A promise that rejects with the reason of the abort, until it is forgotten. */
function abandonment(signal: AbortSignal) {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  return { promise, forget: () => signal.removeEventListener('abort', onAbort) };
}

async function listeningPort(child: ChildProcess): Promise<number> {
  let problems = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    problems = (problems + chunk.toString('utf8')).slice(-4_000);
  });
  if (child.stdout !== null) {
    for await (const line of createInterface({ input: child.stdout })) {
      const message = JSON.parse(line) as { listening?: number };
      if (message.listening !== undefined) return message.listening;
    }
  }
  throw new Error(`the service ended before it listened: ${problems.trim() || 'it said nothing'}`);
}
