import { assert, clusterId, nodeId, type Random, seededRandom, term, VirtualClock } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { Entry } from '../../raft/messages.ts';
import { FileLogStore } from '../../storage/file/file-log-store.ts';
import { SEGMENT_HEADER_BYTES } from '../../storage/file/segment.ts';
import { scanSegment } from '../../storage/file/segment-scan.ts';
import type { LogStoreState } from '../../storage/log-store.ts';
import { appendTo, holds, openStore, snapshotInto, suiteEntry } from '../../storage/log-store-suite.ts';
import type { ScrubDamage, ScrubStep } from '../../storage/scrub.ts';
import { NodeClock } from '../node-clock.ts';
import { driven } from '../testing/driven.ts';
import { DriveAilment, NO_DRIVE_FAULTS } from './drive-ailment.ts';
import { SimDrive, type SimFile } from './sim-drive.ts';
import { SimFiles } from './sim-files.ts';

/** A store on a drive, and the log that it should hold. */
class Machine {
  readonly world = new VirtualClock();
  readonly drive = new SimDrive();
  readonly random: Random;
  log: Entry[] = [];
  term = 1;
  store!: FileLogStore;
  #end = (): void => {};

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  /** Opens the store in a new life. */
  start(): Promise<LogStoreState> {
    const { world, drive } = this;
    const random = this.random.fork('files');
    const clock = new NodeClock(world, { skewMs: 0, rate: 1 });
    const ailment = new DriveAilment(random, { ...NO_DRIVE_FAULTS, shortChance: 0.1 });
    const files = new SimFiles({ clock, world, drive, ailment, random, latencyMeanMs: 1 });
    const owner = { clusterId: clusterId('c'), nodeId: nodeId('n1') };
    const cacheBytes = this.random.pick([0, 2_000, 2 ** 20]);
    this.store = new FileLogStore(
      { directory: '/n1', ...owner, segmentBytes: 4096, cacheBytes },
      files.calls(),
    );
    this.#end = () => {
      clock.kill();
      files.end('power');
    };
    return driven(world, openStore(this.store));
  }

  crash(): void {
    this.#end();
  }

  get first(): number {
    return Number(this.store.firstIndex);
  }

  /** Appends entries, at times in the place of the last ones. */
  async write(): Promise<void> {
    const { random, store } = this;
    let from = Number(store.lastIndex) + 1;
    if (random.chance(0.2)) {
      from = random.integer(Math.max(this.first, from - 6, (store.snapshot()?.meta.index ?? 0) + 1), from);
      this.term++;
    }
    const count = random.integer(1, 6);
    const entries = Array.from({ length: count }, (_, i) =>
      suiteEntry(from + i, this.term, random.integer(0, 900)),
    );
    this.log = [...this.log.filter(({ index }) => index < from), ...entries];
    const hardState = random.chance(0.2) ? { term: term(this.term), votedFor: nodeId('n2') } : undefined;
    await driven(this.world, appendTo(store, { hardState, entries }));
  }

  async snapshot(): Promise<void> {
    const { store } = this;
    const index = Math.max(this.first, Number(store.lastIndex) - 4);
    const entryTerm = store.termAt(index as never);
    if (entryTerm === undefined || index <= (store.snapshot()?.meta.index ?? 0)) return;
    await driven(this.world, snapshotInto(store, index, entryTerm, new Uint8Array(100_000)));
    if (this.random.chance(0.6)) store.compact((index - this.random.integer(0, 10)) as never);
  }

  /** Something that was flushed is not what it was. */
  rot(): void {
    const { drive, random } = this;
    const logs = drive.paths().filter((path) => path.endsWith('.log'));
    const used = logs.map((path) => ({ file: drive.file(path)!, end: endOf(path, drive.file(path)!) }));
    const { file, end } = random.pick(used);
    if (end <= SEGMENT_HEADER_BYTES) return;
    const from = random.integer(SEGMENT_HEADER_BYTES, end - 1);
    const length = random.pick([1, 1, 8, 512, 1_500]);
    const junk = Uint8Array.from({ length: Math.min(length, end - from) }, () => random.integer(0, 255));
    file.replace(from, junk);
  }

  scrub(besideWrites = false): Promise<ScrubStep> {
    return driven(
      this.world,
      new Promise((resolve, reject) => {
        this.store.scrub(1_000, besideWrites, (failure, step) =>
          failure ? reject(failure) : resolve(step!),
        );
      }),
    );
  }

  mend(entries: readonly Entry[]): Promise<ScrubDamage | undefined> {
    return driven(
      this.world,
      new Promise((resolve, reject) => {
        this.store.mend(entries, (failure, still) => (failure ? reject(failure) : resolve(still)));
      }),
    );
  }

  /** Reads everything again, and mends what it finds from the log as it should be. @returns how often it found something */
  async pass(): Promise<number> {
    let found = 0;
    for (let steps = 0; ; steps++) {
      assert(steps < 2_000, 'a pass ends');
      const { passEnded, damage } = await this.scrub();
      if (damage) {
        expect(damage.part).toBe('log');
        found++;
        const lost = this.log.filter(({ index }) =>
          damage.lost.some(({ from, to }) => index >= from && index <= to),
        );
        if (lost.length > 0) expect((await this.mend(lost.slice(1)))?.lost.length ?? 0).toBeLessThan(2);
        expect(await this.mend(lost)).toBeUndefined();
      }
      if (passEnded) return found;
    }
  }

  expectAll(): void {
    holds(
      this.store,
      this.first,
      this.log.filter(({ index }) => index >= this.first),
    );
  }
}

/** Where what was written in a segment ends. */
function endOf(path: string, file: SimFile): number {
  const sequence = Number(/(\d+)\.log$/.exec(path)![1]);
  const last = scanSegment(file.contents(), sequence).records.at(-1);
  return last ? last.offset + last.size : 0;
}

test('what has decayed of a log in use is mended, whatever it was, and a restart finds all of it', async () => {
  let found = 0;
  for (let seed = 1; seed <= 150; seed++) {
    const machine = new Machine(seed);
    await machine.start();
    for (let round = 0; round < 4; round++) {
      const writes = machine.random.integer(3, 12);
      for (let i = 0; i < writes; i++) await machine.write();
      if (machine.random.chance(0.4)) await machine.snapshot();
      await machine.pass();
      for (let i = machine.random.integer(1, 3); i > 0; i--) machine.rot();
      found += await machine.pass();
      expect(await machine.pass(), `seed ${seed}`).toBe(0);
      machine.expectAll();
      if (machine.random.chance(0.5)) continue;
      machine.crash();
      expect((await machine.start()).damage).toBeUndefined();
      machine.expectAll();
    }
  }
  expect(found).toBeGreaterThan(300);
});

test('a crash while decay is mended leaves the damage or what it was mended to, never a torn end', async () => {
  const outcomes = new Set<string>();
  for (let steps = 0; steps < 40; steps++) {
    const machine = new Machine(7);
    await machine.start();
    for (let i = 0; i < 6; i++) await machine.write();
    const lastIndex = Number(machine.store.lastIndex);
    machine.rot();
    let damage: ScrubDamage | undefined;
    while (!damage) ({ damage } = await machine.scrub());
    machine.store.mend(machine.log, () => {});
    for (let i = 0; i < steps; i++) machine.world.step();
    machine.crash();
    const opened = await machine.start();
    outcomes.add(opened.damage ? 'damage' : 'mended');
    if (!opened.damage) expect(opened.lastIndex).toBe(lastIndex);
  }
  expect([...outcomes].toSorted()).toEqual(['damage', 'mended']);
});

test('nothing is read while a write is under way, unless it is to be read beside writes', async () => {
  const machine = new Machine(1);
  await machine.start();
  for (let i = 0; i < 6; i++) await machine.write();
  const { store } = machine;
  const bytesBeside = async (besideWrites: boolean): Promise<number> => {
    const entries = [suiteEntry(Number(store.lastIndex) + 1, machine.term)];
    const isWritten = new Promise<void>((resolve) => {
      store.append({ hardState: undefined, entries }, () => resolve());
    });
    const { bytes } = await machine.scrub(besideWrites);
    await driven(machine.world, isWritten);
    return bytes;
  };
  expect(await bytesBeside(false)).toBe(0);
  expect(await bytesBeside(true)).toBeGreaterThan(0);
});
