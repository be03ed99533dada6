import {
  assert,
  type LogIndex,
  nodeId,
  type Random,
  seededRandom,
  TuttiError,
  term,
  VirtualClock,
} from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { HardState } from '../raft/messages.ts';
import { driven } from '../sim/testing/driven.ts';
import type { LogStore, LogStoreState, LogWrite, WriteCallback } from '../storage/log-store.ts';
import {
  appendTo,
  closeStore,
  holds,
  openStore,
  snapshotInto,
  suiteEntries,
} from '../storage/log-store-suite.ts';
import { MemoryLogStore } from '../storage/memory-log-store.ts';
import { decodeRecord } from './group-record.ts';
import { SharedLog } from './shared-log.ts';
import { healGroup } from './testing/heal-group.ts';

const NAMES = ['a', 'b', 'c', 'd'] as const;

/** Groups on one log, each beside a log of its own that is given the same. */
class World {
  readonly clock = new VirtualClock();
  inner = new MemoryLogStore(this.clock);
  readonly snapshots = new Map(NAMES.map((name) => [name as string, new MemoryLogStore(this.clock)]));
  readonly twins = new Map(NAMES.map((name) => [name as string, new MemoryLogStore(this.clock)]));
  readonly hardStates = new Map<string, HardState>();
  readonly groups = new Map<string, LogStore>();
  readonly random: Random;
  readonly logBytes: number;
  shared!: SharedLog;

  constructor(seed: number, logBytes = 2 ** 20) {
    this.random = seededRandom(seed);
    this.logBytes = logBytes;
  }

  do<T>(work: Promise<T>): Promise<T> {
    return driven(this.clock, work);
  }

  async open(): Promise<Map<string, LogStoreState>> {
    const { inner: store, clock, logBytes } = this;
    const snapshots = (name: string) => this.snapshots.get(name)!;
    this.shared = new SharedLog({ store, clock, logBytes, snapshots });
    await this.do(
      new Promise<void>((resolve, reject) => {
        this.shared.open((failure) => (failure ? reject(failure) : resolve()));
      }),
    );
    const states = new Map<string, LogStoreState>();
    for (const name of NAMES) {
      const log = this.shared.group(name);
      this.groups.set(name, log);
      states.set(name, await this.do(openStore(log)));
    }
    return states;
  }

  async close(): Promise<void> {
    for (const log of this.groups.values()) await this.do(closeStore(log));
    await this.do(new Promise<void>((resolve) => this.shared.close(() => resolve())));
  }

  /** One group writes, and its twin the same. */
  async write(name: string): Promise<void> {
    const { random } = this;
    const log = this.groups.get(name)!;
    const twin = this.twins.get(name)!;
    const before = this.hardStates.get(name)?.term ?? 0;
    const isVote = random.chance(0.3) || before === 0;
    const hardState = isVote
      ? { term: term(before + 1), votedFor: random.chance(0.5) ? nodeId('n2') : undefined }
      : undefined;
    if (hardState) this.hardStates.set(name, hardState);
    const end = Number(log.lastIndex) + 1;
    const from = random.chance(0.2)
      ? random.integer(
          Math.max(Number(log.firstIndex), end - 3, Number(log.snapshot()?.meta.index ?? 0) + 1),
          end,
        )
      : end;
    const entries = suiteEntries(from, from + random.integer(0, 3), this.hardStates.get(name)!.term);
    for (const store of [log, twin]) await this.do(appendTo(store, { hardState, entries }));
  }

  async compact(name: string): Promise<void> {
    const log = this.groups.get(name)!;
    const index = Number(log.lastIndex) - 1;
    if (index <= Number(log.snapshot()?.meta.index ?? 0)) return;
    const entryTerm = log.termAt(index as LogIndex)!;
    for (const store of [log, this.twins.get(name)!]) {
      await this.do(snapshotInto(store, index, entryTerm, new Uint8Array(10)));
      store.compact(index as LogIndex);
    }
  }

  /** Gives a group back what it has lost, as a replica does with the help of its peers. */
  async heal(name: string, opened: LogStoreState): Promise<void> {
    const log = this.groups.get(name)!;
    const twin = this.twins.get(name)!;
    const hardState = this.hardStates.get(name) ?? { term: term(0), votedFor: undefined };
    const state = await healGroup(this.clock, log, twin, hardState, opened);
    expect(state.damage).toBeUndefined();
  }

  expectTwin(name: string, { hardState }: LogStoreState): void {
    const log = this.groups.get(name)!;
    const twin = this.twins.get(name)!;
    const first = Math.max(Number(log.firstIndex), Number(twin.firstIndex));
    holds(log, Number(log.firstIndex), log.entries(log.firstIndex, log.lastIndex, Infinity));
    const of = (store: LogStore) => store.entries(first as LogIndex, store.lastIndex, Infinity);
    expect(of(log)).toEqual(of(twin));
    expect(log.lastIndex).toBe(twin.lastIndex);
    if (this.hardStates.has(name)) expect(hardState).toEqual(this.hardStates.get(name));
  }
}

async function filled(world: World, rounds: number): Promise<void> {
  for (const twin of world.twins.values()) await world.do(openStore(twin));
  await world.open();
  for (let i = 0; i < rounds; i++) {
    const name = world.random.pick(NAMES.slice(0, 3));
    await world.write(name);
    if (world.random.chance(0.1)) await world.compact(name);
  }
}

/** Records of the shared log, and whose they are. */
function recordsOf({ inner }: World): { index: number; group: string }[] {
  return inner
    .entries(inner.firstIndex, inner.lastIndex, Infinity)
    .map(({ index, data }) => ({ index, group: decodeRecord(data).group }));
}

test('a record that is lost concerns its own group, which says so until it is whole; the others go on', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const world = new World(seed);
    await filled(world, 30);
    for (const name of NAMES.slice(0, 3)) await world.write(name);
    const records = recordsOf(world);
    const { index, group } = world.random.pick(records.slice(0, -3));
    await world.close();
    world.inner.lose({ entries: [index] });
    for (const life of [1, 2]) {
      const states = await world.open();
      for (const name of NAMES.slice(0, 3)) {
        const state = states.get(name)!;
        // A group of the log's very first record may be taken for one that began with its second.
        if (name === group)
          expect(state.damage, `seed ${seed}, life ${life}`).toMatchObject({ endLost: true });
        else {
          expect(state.damage, `seed ${seed}, life ${life}, ${name}`).toBeUndefined();
          world.expectTwin(name, state);
        }
      }
      if (life === 2) await world.heal(group, states.get(group)!);
      await world.close();
    }
    const healed = await world.open();
    for (const name of NAMES.slice(0, 3)) {
      expect(healed.get(name)!.damage).toBeUndefined();
      world.expectTwin(name, healed.get(name)!);
    }
  }
});

test('a group whose snapshot has no log beside it has lost that, term and vote with it', async () => {
  const world = new World(1);
  await filled(world, 30);
  for (let i = 0; i < 3; i++) await world.write('a');
  await world.compact('a');
  await world.close();
  world.inner = new MemoryLogStore(world.clock);
  for (const life of [1, 2]) {
    const state = (await world.open()).get('a')!;
    expect(state.damage, `life ${life}`).toMatchObject({ endLost: true, hardStateLost: true });
    if (life === 2) await world.heal('a', state);
    await world.close();
  }
  const healed = (await world.open()).get('a')!;
  expect(healed.damage).toBeUndefined();
  world.expectTwin('a', healed);
});

test('a group that has lost the word of what it has forgotten says so all the same', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = new World(seed);
    await filled(world, 30);
    await world.close();
    world.inner.lose({ endFrom: world.random.integer(2, world.inner.lastIndex) });
    const noted = await world.open();
    await world.close();
    const { inner } = world;
    const words = inner
      .entries(inner.firstIndex, inner.lastIndex, Infinity)
      .filter(({ index, data }) => decodeRecord(data).kind === 'reset' && index < inner.lastIndex);
    world.inner.lose({ entries: [world.random.pick(words).index] });
    // Once as it is read, and once as it was noted anew.
    for (const life of [1, 2]) {
      const states = await world.open();
      for (const name of NAMES) {
        expect(noted.get(name)!.damage).toMatchObject({ hardStateLost: true });
        expect(states.get(name)!.damage, `seed ${seed}, life ${life}, ${name}`).toMatchObject({
          endLost: true,
          hardStateLost: true,
        });
      }
      await world.close();
    }
  }
});

test('a group of which nothing is left, and that writes before it is whole, has still forgotten the rest', async () => {
  const world = new World(1);
  await filled(world, 30);
  await world.close();
  world.inner.lose({ entries: [recordsOf(world).at(-2)!.index] });
  const hardState = { term: term(3), votedFor: nodeId('n2') };
  expect((await world.open()).get('d')!.damage).toMatchObject({ hardStateLost: true });
  await world.do(appendTo(world.groups.get('d')!, { hardState, entries: [] }));
  await world.close();
  const { damage } = (await world.open()).get('d')!;
  expect(damage).toMatchObject({ endLost: true, hardStateLost: true });
});

/** A store whose disk is full: what is written waits for space, and is refused when the store is closed. */
class FullStore extends MemoryLogStore {
  isFull = false;
  /** The look that finds space: what waits is written then, and the answer is still the old one. */
  spaceAtLook = Infinity;
  #looks = 0;
  closings: ('begun' | 'ended')[] = [];
  #waiting: { readonly write: LogWrite; readonly done: WriteCallback }[] = [];

  override append(write: LogWrite, done: WriteCallback): void {
    if (this.isFull) this.#waiting.push({ write, done });
    else super.append(write, done);
  }

  override checkRoom(): boolean {
    const hadRoom = !this.isFull;
    if (hadRoom || ++this.#looks < this.spaceAtLook) return hadRoom;
    this.isFull = false;
    for (const { write, done } of this.#waiting.splice(0)) super.append(write, done);
    return hadRoom;
  }

  override close(done: WriteCallback): void {
    this.closings.push('begun');
    for (const { done: tell } of this.#waiting.splice(0))
      tell(new TuttiError('TUTTI_STORE_FULL', { directory: 'the log' }));
    super.close((failure) => {
      this.closings.push('ended');
      done(failure);
    });
  }
}

/** A log of which a record is lost, so that what its group has forgotten is noted when it is opened. */
async function forgetfulOn(world: World): Promise<{ inner: FullStore; group: string }> {
  const inner = new FullStore(world.clock);
  world.inner = inner;
  await filled(world, 30);
  for (const name of NAMES.slice(0, 3)) await world.write(name);
  const { index, group } = recordsOf(world).at(-6)!;
  await world.close();
  inner.lose({ entries: [index] });
  inner.isFull = true;
  inner.closings = [];
  return { inner, group };
}

test.each([
  ['cannot be noted on a full disk', Infinity, 'the log'],
  // At the first look something has been read since before.
  ['is noted after all, since the look that refuses it finds space', 2, 'use by several groups'],
])(
  'what a group has forgotten %s: the log is refused by code, and opens when there is space',
  async (_, spaceAtLook, where) => {
    const world = new World(1);
    const { inner, group } = await forgetfulOn(world);
    inner.spaceAtLook = spaceAtLook;
    await expect(world.open()).rejects.toMatchObject({
      code: 'TUTTI_STORE_FULL',
      details: { directory: where },
    });
    // Closed once, and before anybody was told, who might open it again.
    expect(inner.closings).toEqual(['begun', 'ended']);
    inner.isFull = false;
    const state = (await world.open()).get(group)!;
    expect(state.damage).toMatchObject({ endLost: true });
    await world.heal(group, state);
    await world.close();
  },
);

test('whatever is lost of a shared log, a group has all of its own or says what it has forgotten', async () => {
  const outcomes = { whole: 0, damaged: 0 };
  for (let seed = 1; seed <= 80; seed++) {
    const world = new World(seed, seed % 3 === 0 ? 2_000 : 2 ** 20);
    await filled(world, 40);
    await world.close();
    const { random, inner } = world;
    const [first, last] = [Number(inner.firstIndex), Number(inner.lastIndex)];
    const entries = Array.from({ length: random.integer(0, 4) }, () => random.integer(first, last - 1));
    const endFrom = random.chance(0.4) ? random.integer(first, last) : undefined;
    const isSnapshot = inner.snapshot() !== undefined && random.chance(0.5);
    inner.lose({
      entries: [...new Set(entries)].filter((index) => index < (endFrom ?? last) - 1),
      ...(endFrom !== undefined && { endFrom }),
      ...(isSnapshot && endFrom === undefined && entries.length === 0 && { snapshot: true }),
    });
    const before = await world.open();
    const damaged = NAMES.filter((name) => before.get(name)!.damage);
    await world.close();
    const states = await world.open();
    expect(NAMES.filter((name) => states.get(name)!.damage)).toEqual(damaged);
    for (const name of NAMES) {
      const state = states.get(name)!;
      if (state.damage) {
        outcomes.damaged++;
        const { hardStateLost } = state.damage;
        if (!hardStateLost && world.hardStates.has(name))
          expect(state.hardState, `seed ${seed}, ${name}`).toEqual(world.hardStates.get(name));
        await world.heal(name, state);
      } else {
        outcomes.whole++;
        world.expectTwin(name, state);
      }
    }
    for (let i = 0; i < 30; i++) await world.write(world.random.pick(NAMES.slice(0, 3)));
    await world.close();
    const healed = await world.open();
    for (const name of NAMES) {
      const state = healed.get(name)!;
      assert(!state.damage, `seed ${seed}: ${name} is whole: ${state.damage?.failure.message}`);
      world.expectTwin(name, state);
    }
  }
  expect(outcomes.whole).toBeGreaterThan(50);
  expect(outcomes.damaged).toBeGreaterThan(50);
});
