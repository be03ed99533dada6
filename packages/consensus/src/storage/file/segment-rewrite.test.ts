import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterId, nodeId } from '@tutti/kernel';
import { expect, onTestFinished, test } from 'vitest';
import { appendTo, closeStore, holds, openStore, suiteEntries } from '../log-store-suite.ts';
import type { DiskCalls } from './disk-calls.ts';
import { FileLogStore } from './file-log-store.ts';
import { repaired } from './testing/repaired-from-peer.ts';

test('damage that is done while a segment is read to be written anew is found again, and put right as well', async () => {
  const directory = fs.mkdtempSync(join(tmpdir(), 'tutti-rewrite-'));
  onTestFinished(() => fs.rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'segment-000000000001.log');
  const entries = suiteEntries(1, 9, 1);
  const storeIn = (disk: Partial<DiskCalls> = {}): FileLogStore =>
    new FileLogStore(
      { directory, clusterId: clusterId('c'), nodeId: nodeId('n1'), segmentBytes: 4096 },
      disk,
    );
  const store = storeIn();
  await openStore(store);
  for (const from of [0, 3, 6]) await appendTo(store, { entries: entries.slice(from, from + 3) });
  await closeStore(store);
  const whole = fs.readFileSync(path);
  const damage = (index: number): void => {
    const bytes = fs.readFileSync(path);
    bytes[whole.indexOf(entries[index - 1]!.data)]! ^= 0x5a;
    fs.writeFileSync(path, bytes);
  };
  for (const [first, second] of [
    [5, 3],
    [5, 4],
    [5, 6],
    [5, 7],
  ] as const) {
    fs.writeFileSync(path, whole);
    damage(first);
    let isNext = true;
    const damaged = storeIn({
      open: (file, flags, done) => {
        if (isNext && file === path && flags === 'r') {
          isNext = false;
          damage(second);
        }
        fs.open(file, flags, done);
      },
    });
    const opened = await openStore(damaged);
    expect(opened.damage?.lost).toMatchObject([{ from: first, to: first }]);
    await repaired(damaged, opened, { entries });
    expect(isNext, 'the segment was read').toBe(false);
    holds(damaged, 1, entries);
    await closeStore(damaged);
    const again = storeIn();
    expect((await openStore(again)).damage, `${first}, then ${second}`).toBeUndefined();
    holds(again, 1, entries);
    await closeStore(again);
  }
});
