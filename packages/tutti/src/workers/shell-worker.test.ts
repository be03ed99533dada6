import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkInput } from '@tutti/actors';
import { nodeId } from '@tutti/kernel';
import { afterAll, expect, test } from 'vitest';
import { shellWorker } from './shell-worker.ts';

const folder = mkdtempSync(join(tmpdir(), 'tutti-shell-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function inputOf(changes: Partial<WorkInput> = {}): WorkInput {
  return {
    session: 's1',
    task: 'build',
    orchestrator: 'devops',
    node: nodeId('n1'),
    attempt: 2,
    fence: 17,
    with: { size: 3 },
    needs: { before: { file: 'a.txt' } },
    folder,
    signal: new AbortController().signal,
    ...changes,
  };
}

const run = (command: string, changes?: Partial<WorkInput>) =>
  shellWorker().run({ type: 'shell', command }, inputOf(changes));

test('the last line of output is the result when it is a JSON object', async () => {
  expect(await run(`echo working; echo '{"file":"out.txt"}'`)).toEqual({ file: 'out.txt' });
});

test('output that is not a JSON object makes an empty result', async () => {
  expect(await run('echo done')).toEqual({});
  expect(await run(`echo '{broken'`)).toEqual({});
  expect(await run(`echo '[1]'`)).toEqual({});
});

test('the command runs in the folder and is told what it is part of', async () => {
  await run(
    'echo "$TUTTI_SESSION $TUTTI_TASK $TUTTI_ATTEMPT $TUTTI_FENCE $TUTTI_FOLDER $TUTTI_WITH" > env.txt',
  );
  expect(readFileSync(join(folder, 'env.txt'), 'utf8').trim()).toBe(`s1 build 2 17 ${folder} {"size":3}`);
});

test('an exit code other than 0 fails with the end of what was printed', async () => {
  await expect(run('echo all is well; echo it broke >&2; exit 3')).rejects.toMatchObject({
    code: 'TUTTI_SHELL_FAILED',
    details: { task: 'build', ending: 'exit code 3', tail: 'it broke' },
  });
});

test('a command that prints without end keeps only the end of it', async () => {
  const failure = run('i=0; while [ $i -lt 20000 ]; do echo line-$i >&2; i=$((i+1)); done; exit 1');
  const error = await failure.then(
    () => undefined,
    (thrown: Error & { details: { tail: string } }) => thrown,
  );
  expect(error?.details.tail.length).toBeLessThanOrEqual(2_000);
  expect(error?.details.tail).toMatch(/line-19999$/);
});

test('an abort ends the command and everything it has started', async () => {
  const aborter = new AbortController();
  const begun = appears('pids.txt');
  const command = 'sleep 1000 & echo "$$ $!" > pids.tmp; mv pids.tmp pids.txt; wait';
  const running = run(command, { signal: aborter.signal });
  await begun;
  const pids = readFileSync(join(folder, 'pids.txt'), 'utf8').trim().split(' ').map(Number);
  expect(pids).toHaveLength(2);
  aborter.abort(new Error('called off'));
  await expect(running).rejects.toThrow('called off');
  for (const pid of pids) expect(isAlive(pid)).toBe(false);
});

test('what a command leaves running in the background does not hold up its end', async () => {
  expect(await run(`sleep 1000 & echo '{"pid":"'$!'"}'`)).toEqual({ pid: expect.stringMatching(/^\d+$/) });
});

test('a command that ignores the polite signal is killed', async () => {
  const aborter = new AbortController();
  const begun = appears('trapped.txt');
  const worker = shellWorker({ killAfterMs: 20 });
  const command = `trap '' TERM; echo > trapped.txt; while true; do sleep 1000; done`;
  const running = worker.run({ type: 'shell', command }, inputOf({ signal: aborter.signal }));
  await begun;
  aborter.abort(new Error('called off'));
  await expect(running).rejects.toThrow('called off');
});

test('a note with the process group is there while the command runs, and only then', async () => {
  const notes = join(folder, 'notes');
  const aborter = new AbortController();
  const begun = appears('noted.txt');
  const running = shellWorker({ notes }).run(
    { type: 'shell', command: 'echo $$ > noted.tmp; mv noted.tmp noted.txt; sleep 1000' },
    inputOf({ signal: aborter.signal }),
  );
  await begun;
  expect(readdirSync(notes)).toEqual([readFileSync(join(folder, 'noted.txt'), 'utf8').trim()]);
  aborter.abort(new Error('called off'));
  await expect(running).rejects.toThrow('called off');
  expect(readdirSync(notes)).toEqual([]);
});

test('a folder that is not there fails the attempt and not the process', async () => {
  const missing = join(folder, 'missing');
  await expect(run('true', { folder: missing })).rejects.toMatchObject({ code: 'TUTTI_SHELL_FAILED' });
});

/** Resolves when a file of this name is in the folder. */
function appears(name: string): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(folder, () => {
      if (!existsSync(join(folder, name))) return;
      watcher.close();
      resolve();
    });
  });
}

/** A process that has ended but was not reaped yet counts as dead. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
