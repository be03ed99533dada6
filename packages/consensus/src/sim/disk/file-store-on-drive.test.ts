import { clusterId, nodeId, seededRandom, VirtualClock } from '@tutti/kernel';
import { describe, expect, test } from 'vitest';
import { FileLogStore } from '../../storage/file/file-log-store.ts';
import type { LogStore } from '../../storage/log-store.ts';
import {
  appendTo,
  logStoreCases,
  openStore,
  repairCases,
  suiteEntries,
} from '../../storage/log-store-suite.ts';
import { NodeClock } from '../node-clock.ts';
import { driven } from '../testing/driven.ts';
import { DriveAilment, NO_DRIVE_FAULTS } from './drive-ailment.ts';
import { type Ending, SimDrive } from './sim-drive.ts';
import { SimFiles } from './sim-files.ts';

function machine(seed: number) {
  const world = new VirtualClock();
  const clock = new NodeClock(world, { skewMs: 0, rate: 1 });
  const random = seededRandom(seed);
  const drive = new SimDrive();
  const ailment = new DriveAilment(random.fork('ailment'), { ...NO_DRIVE_FAULTS, shortChance: 0.2 });
  const lives: SimFiles[] = [];
  const store = (): LogStore => {
    const files = new SimFiles({ clock, world, drive, ailment, random, latencyMeanMs: 2 });
    lives.push(files);
    const owner = { clusterId: clusterId('c'), nodeId: nodeId('n1') };
    return new FileLogStore({ directory: '/n1', ...owner, segmentBytes: 4096 }, files.calls());
  };
  return { world, store, end: (ending: Ending) => lives.at(-1)!.end(ending) };
}

describe('the file store on a simulated drive', () => {
  for (const { title, run } of [...logStoreCases, ...repairCases])
    test(title, () => {
      const { world, store } = machine(1);
      return driven(world, run({ store }));
    });
});

test('the power takes what was not flushed, in any sectors, and never what was', async () => {
  const left = new Set<number>();
  for (let seed = 1; seed <= 60; seed++) {
    const { world, store, end } = machine(seed);
    const life = store();
    await driven(world, openStore(life));
    await driven(world, appendTo(life, { entries: suiteEntries(1, 5, 1, 700) }));
    life.append({ hardState: undefined, entries: suiteEntries(6, 9, 2, 700) }, () => {});
    for (let i = 0; i < seed % 12; i++) world.step();
    end('power');
    const next = store();
    const { lastIndex } = await driven(world, openStore(next));
    expect(lastIndex).toBeGreaterThanOrEqual(5);
    left.add(lastIndex);
  }
  expect(left).toContain(5);
  expect(left).toContain(9);
});

test('what a store found at its start stays, though the process before it never saw it flushed', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const { world, store, end } = machine(seed);
    const life = store();
    await driven(world, openStore(life));
    await driven(world, appendTo(life, { entries: suiteEntries(1, 5, 1) }));
    life.append({ hardState: undefined, entries: suiteEntries(6, 9, 2) }, () => {});
    for (let i = 0; i < seed % 12; i++) world.step();
    end('process');
    const { lastIndex } = await driven(world, openStore(store()));
    end('power');
    expect((await driven(world, openStore(store()))).lastIndex).toBe(lastIndex);
  }
});
