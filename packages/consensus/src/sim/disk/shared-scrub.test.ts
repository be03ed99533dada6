import {
  assert,
  clusterId,
  type LogIndex,
  nodeId,
  type Random,
  seededRandom,
  term,
  VirtualClock,
} from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { SharedLog } from '../../groups/shared-log.ts';
import { healGroup } from '../../groups/testing/heal-group.ts';
import type { HardState } from '../../raft/messages.ts';
import { createFileGroupLog } from '../../storage/file/file-group-log.ts';
import type { LogStore, LogStoreState } from '../../storage/log-store.ts';
import { appendTo, openStore, snapshotInto, suiteEntry } from '../../storage/log-store-suite.ts';
import { MemoryLogStore } from '../../storage/memory-log-store.ts';
import type { ScrubDamage, ScrubStep } from '../../storage/scrub.ts';
import { NodeClock } from '../node-clock.ts';
import { driven } from '../testing/driven.ts';
import { decay } from './decay.ts';
import { DriveAilment, NO_DRIVE_FAULTS } from './drive-ailment.ts';
import { SimDrive } from './sim-drive.ts';
import { SimFiles } from './sim-files.ts';

const NAMES = ['a', 'b', 'c', 'd'];
/** Of a group that was never written to. */
const UNBORN: HardState = { term: term(0), votedFor: undefined };

/** Groups on one log on a drive, each beside a log of its own that is given the same: that is what the peers have. */
class Machine {
  readonly world = new VirtualClock();
  readonly drive = new SimDrive();
  readonly random: Random;
  readonly twins = new Map<string, LogStore>();
  readonly hardStates = new Map<string, HardState>();
  /** Where the latest snapshot of each group came to be. */
  states = new Map<string, LogStoreState>();
  groups = new Map<string, LogStore>();
  shared!: SharedLog;
  readonly #logBytes: number;
  #end = (): void => {};

  constructor(seed: number) {
    this.random = seededRandom(seed);
    this.#logBytes = this.random.pick([4_000, 12_000, 2 ** 20]);
  }

  do<T>(work: Promise<T>): Promise<T> {
    return driven(this.world, work);
  }

  async begin(): Promise<void> {
    for (const name of NAMES) {
      this.twins.set(name, new MemoryLogStore(this.world));
      await this.do(openStore(this.twins.get(name)!));
    }
    await this.start();
  }

  /** Opens the log in a new life, and all groups but those that are left out. */
  async start(leftOut: readonly string[] = []): Promise<void> {
    const { world, drive } = this;
    const random = this.random.fork('files');
    const clock = new NodeClock(world, { skewMs: 0, rate: 1 });
    const ailment = new DriveAilment(random, { ...NO_DRIVE_FAULTS, shortChance: 0.1 });
    const files = new SimFiles({ clock, world, drive, ailment, random, latencyMeanMs: 1 });
    const owner = { clusterId: clusterId('c'), nodeId: nodeId('n1') };
    const sizes = { segmentBytes: 4096, cacheBytes: this.random.pick([0, 2_000]), logBytes: this.#logBytes };
    this.shared = createFileGroupLog({ directory: '/n1', ...owner, ...sizes, clock }, files.calls());
    this.#end = () => {
      clock.kill();
      files.end('power');
    };
    await this.do(
      new Promise<void>((resolve, reject) => {
        this.shared.open((failure) => (failure ? reject(failure) : resolve()));
      }),
    );
    this.groups = new Map();
    this.states = new Map();
    for (const name of NAMES) {
      if (leftOut.includes(name)) continue;
      const log = this.shared.group(name);
      this.states.set(name, await this.do(openStore(log)));
      this.groups.set(name, log);
    }
  }

  crash(): void {
    this.#end();
  }

  /** Has the group mend from its twin what is found to have decayed of it, as a replica does from its peers. */
  look(name: string): void {
    const log = this.groups.get(name)!;
    const twin = this.twins.get(name)!;
    log.onDecay!(({ part, lost }: ScrubDamage) => {
      if (part === 'snapshot') return this.#retake(name);
      const entries = lost.flatMap(({ from, to }) => twin.entries(from, to, Infinity));
      log.mend!(entries, (failure, still) => {
        assert(!failure && !still, 'what is given is what was lost');
      });
    });
  }

  #retake(name: string): void {
    const log = this.groups.get(name)!;
    const { meta } = log.snapshot()!;
    const writer = log.beginSnapshot(meta);
    writer.write(new Uint8Array(10), () => writer.commit(undefined, () => {}));
  }

  async write(name: string): Promise<void> {
    const { random } = this;
    const log = this.groups.get(name)!;
    const twin = this.twins.get(name)!;
    const before = this.hardStates.get(name)?.term ?? 0;
    const end = Number(twin.lastIndex) + 1;
    const least = Math.max(Number(log.firstIndex), Number(twin.snapshot()?.meta.index ?? 0) + 1, end - 4);
    const from = random.chance(0.3) ? random.integer(Math.min(least, end), end) : end;
    // Under an index and a term there is one entry only.
    const isVote = random.chance(0.3) || before === 0 || from < end;
    const hardState = isVote
      ? { term: term(before + 1), votedFor: random.chance(0.5) ? nodeId('n2') : undefined }
      : undefined;
    if (hardState) this.hardStates.set(name, hardState);
    const its = this.hardStates.get(name)!.term;
    const entries = Array.from({ length: random.integer(0, 3) }, (_, i) =>
      suiteEntry(from + i, its, random.integer(0, 300)),
    );
    for (const store of [log, twin]) await this.do(appendTo(store, { hardState, entries }));
  }

  async compact(name: string): Promise<void> {
    const twin = this.twins.get(name)!;
    const index = Number(twin.lastIndex) - this.random.integer(0, 2);
    if (index <= Number(twin.snapshot()?.meta.index ?? 0)) return;
    const its = twin.termAt(index as LogIndex)!;
    for (const store of [this.groups.get(name)!, twin]) {
      await this.do(snapshotInto(store, index, its, new Uint8Array(10)));
      store.compact(index as LogIndex);
    }
  }

  scrub(): Promise<ScrubStep> {
    const step = new Promise<ScrubStep>((resolve, reject) => {
      this.shared.scrub(2_000, false, (failure, found) => (failure ? reject(failure) : resolve(found!)));
    });
    return this.do(step);
  }

  async pass(): Promise<void> {
    for (let steps = 0; ; steps++) {
      assert(steps < 3_000, 'a pass ends');
      const { passEnded } = await this.scrub();
      // A tick, in which the groups do what they have to.
      this.world.advance(20);
      if (passEnded) return;
    }
  }

  expectTwin(name: string): void {
    const log = this.groups.get(name)!;
    const twin = this.twins.get(name)!;
    const first = Math.max(Number(log.firstIndex), Number(twin.firstIndex)) as LogIndex;
    const of = (store: LogStore) =>
      store.lastIndex < first ? [] : store.entries(first, store.lastIndex, Infinity);
    expect(log.lastIndex).toBe(twin.lastIndex);
    const shown = (store: LogStore) => of(store).map(({ index, term: its, data }) => [index, its, ...data]);
    expect(shown(log)).toEqual(shown(twin));
  }

  /** What a group says of itself when it is opened: all is there, or that it is not. @returns whether it was whole */
  async judge(name: string): Promise<boolean> {
    const state = this.states.get(name)!;
    const hardState = this.hardStates.get(name) ?? UNBORN;
    if (!state.damage?.hardStateLost) expect(state.hardState).toEqual(hardState);
    if (!state.damage) {
      this.expectTwin(name);
      return true;
    }
    const healed = await healGroup(
      this.world,
      this.groups.get(name)!,
      this.twins.get(name)!,
      hardState,
      state,
    );
    expect(healed.damage).toBeUndefined();
    this.expectTwin(name);
    return false;
  }
}

/** A log in use, with a history of writes, replacements, compactions and cleanings. */
async function used(seed: number, writes: number): Promise<Machine> {
  const machine = new Machine(seed);
  await machine.begin();
  for (const name of NAMES) machine.look(name);
  for (let i = 0; i < writes; i++) {
    const name = machine.random.pick(NAMES.slice(0, 3));
    await machine.write(name);
    if (machine.random.chance(0.15)) await machine.compact(name);
  }
  // Those that come last are behind everything that may decay.
  for (let i = 0; i < 3; i++) for (const name of NAMES.slice(0, 2)) await machine.write(name);
  return machine;
}

test('what has decayed of a shared log in use is mended, whatever it was, and a restart finds all of it', async () => {
  let decayed = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const machine = await used(seed, 25);
    for (let round = 0; round < 3; round++) {
      for (let i = machine.random.integer(1, 3); i > 0; i--)
        if (decay(machine.drive, machine.random)) decayed++;
      // A pass may have begun behind what has decayed, and mending finds no more than what it looks at.
      for (let i = 0; i < 5; i++) await machine.pass();
      for (const name of NAMES) machine.expectTwin(name);
      for (let i = 0; i < 8; i++) await machine.write(machine.random.pick(NAMES.slice(0, 3)));
    }
    machine.crash();
    await machine.start();
    for (const name of NAMES) {
      const { damage } = machine.states.get(name)!;
      expect({ seed, name, damage: damage?.failure.message }).toEqual({ seed, name, damage: undefined });
      expect(await machine.judge(name), `seed ${seed}, ${name}`).toBe(true);
    }
    machine.crash();
  }
  expect(decayed).toBeGreaterThan(150);
});

test('a crash at any moment leaves each group with all of its own, or with the word that it has not', async () => {
  const outcomes = { whole: 0, damaged: 0 };
  for (let seed = 1; seed <= 120; seed++) {
    const machine = await used(seed, 20);
    const { random } = machine;
    for (let i = random.integer(1, 4); i > 0; i--) decay(machine.drive, random);
    for (let i = random.integer(0, 12); i > 0; i--) {
      await machine.scrub();
      for (let steps = random.integer(0, 30); steps > 0; steps--) machine.world.step();
    }
    machine.crash();
    await machine.start();
    for (const name of NAMES) outcomes[(await machine.judge(name)) ? 'whole' : 'damaged']++;
    for (const name of NAMES) machine.look(name);
    for (let i = 0; i < 10; i++) await machine.write(random.pick(NAMES.slice(0, 3)));
    for (let i = 0; i < 3; i++) await machine.pass();
    machine.crash();
    await machine.start();
    for (const name of NAMES) expect(await machine.judge(name), `seed ${seed}, ${name}`).toBe(true);
    machine.crash();
  }
  expect(outcomes.whole).toBeGreaterThan(150);
  expect(outcomes.damaged).toBeGreaterThan(50);
});

test('a group that is not in use has its end noted as lost, whole or in part, and no other is concerned', async () => {
  let damaged = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const machine = await used(seed, 25);
    machine.crash();
    await machine.start(['a', 'c']);
    for (const name of ['b', 'd']) machine.look(name);
    for (let i = 0; i < 2; i++) decay(machine.drive, machine.random);
    for (let i = 0; i < 5; i++) await machine.pass();
    for (const name of ['b', 'd']) machine.expectTwin(name);
    machine.crash();
    await machine.start();
    for (const name of NAMES) {
      const isWhole = await machine.judge(name);
      if (!isWhole) damaged++;
      if (name === 'b' || name === 'd') expect(isWhole, `seed ${seed}, ${name}`).toBe(true);
    }
    machine.crash();
  }
  expect(damaged).toBeGreaterThan(5);
});
