/**
 * A program: goes through the life of a log store once for every call that changes the disk, dies at that call,
 * opens what is left, and prints how many points it tried and what was wrong, as JSON. With `shared` as its second
 * argument the store is one group of a log that another group writes to as well.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '@tutti/kernel';
import { type CrashMode, Frozen, FrozenDisk } from './frozen-disk.ts';
import { Life, type LifePlace, whatIsWrong } from './store-life.ts';

const disk = new FrozenDisk();
const crashed = () => new Promise<'crashed'>((resolve) => (disk.onCrash = () => resolve('crashed')));

const isShared = process.argv[3] === 'shared';

/** The process that "died" lives on under the same id, so its lock would be taken for held. */
function unlock({ directory }: LifePlace): void {
  const locked = isShared ? join(directory, 'log') : directory;
  for (const name of existsSync(locked) ? readdirSync(locked) : [])
    if (name.startsWith('lock')) rmSync(join(locked, name), { force: true });
}

/** Whether the life ended before the point was reached. */
async function tryPoint(directory: string, point: number, mode: CrashMode): Promise<boolean> {
  const place: LifePlace = { directory, isShared };
  const life = new Life(place);
  const crash = crashed();
  disk.arm(point, mode);
  const ended = life.run().then(
    () => 'ended' as const,
    (thrown: unknown) => {
      if (thrown instanceof Error && isFrozen(thrown)) return crash;
      throw thrown;
    },
  );
  const outcome = await Promise.race([crash, ended]);
  await disk.thaw();
  let wrong: string | undefined;
  try {
    unlock(place);
    wrong = await whatIsWrong(place, life);
  } catch (thrown) {
    wrong = String(thrown);
  }
  if (wrong)
    problems.push(`${mode} call ${point}: ${wrong}; term ${life.promised.term}, last ${life.promised.last}`);
  rmSync(directory, { recursive: true, force: true });
  return outcome === 'ended';
}

const isFrozen = (thrown: Error): boolean => thrown instanceof Frozen || thrown.cause instanceof Frozen;

process.on('uncaughtException', (thrown) => {
  if (!isFrozen(thrown)) throw thrown;
});

const problems: string[] = [];
let points = 0;
const root = process.argv[2];
assert(root, 'a folder to work in is given');
for (const mode of ['before', 'half', 'after'] as const)
  for (let point = 1; !(await tryPoint(join(root, `${mode}-${point}`), point, mode)); point++) points++;
process.stdout.write(JSON.stringify({ points, problems }));
