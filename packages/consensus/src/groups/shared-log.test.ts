import { logIndex, nodeId, term, VirtualClock } from '@tutti/kernel';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LogStore, LogWrite, StoredSnapshot, WriteCallback } from '../storage/log-store.ts';
import { holds, logStoreCases, repairCases, suiteEntries } from '../storage/log-store-suite.ts';
import { MemoryLogStore } from '../storage/memory-log-store.ts';
import { decodeRecord } from './group-record.ts';
import { type GroupSnapshots, SharedLog } from './shared-log.ts';
import { groupStoreOf } from './testing/group-store.ts';

/** A clock for stores that are awaited: only turns pass. */
const turns = Object.assign(new VirtualClock(), {
  nextTurn: (action: () => void) => void setImmediate(action),
});

for (const { title, run } of [...logStoreCases, ...repairCases])
  test(`a group's log ${title}`, async () => {
    const store: LogStore = new MemoryLogStore(turns);
    const snapshots: GroupSnapshots = new MemoryLogStore(turns);
    const options = { store, snapshots: () => snapshots, clock: turns, logBytes: 200 };
    await expect(run({ store: () => groupStoreOf(new SharedLog(options)) })).resolves.toBeUndefined();
  });

const GROUPS = ['a', 'b', 'c'] as const;
const group = fc.constantFrom(...GROUPS);
type Step =
  | { readonly kind: 'append'; readonly group: string; readonly back: number; readonly count: number }
  | { readonly kind: 'vote' | 'compact' | 'replace'; readonly group: string }
  | { readonly kind: 'reopen' | 'settle' };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      group,
      back: fc.nat(3),
      count: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('vote', 'compact', 'compact', 'replace'), group }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('reopen', 'settle', 'settle') }) },
);

/** A store that does not say of some writes that they are durable, until it is let. */
class HeldStore extends MemoryLogStore {
  isHeld: (write: LogWrite) => boolean = () => false;
  #held: (() => void)[] = [];

  override append(write: LogWrite, done: WriteCallback): void {
    const isHeld = this.isHeld(write);
    super.append(write, (failure) => {
      if (isHeld) this.#held.push(() => done(failure));
      else done(failure);
    });
  }

  get holds(): number {
    return this.#held.length;
  }

  letGo(): void {
    this.isHeld = () => false;
    for (const action of this.#held.splice(0)) action();
  }
}

/** Three groups on one log, each beside a log of its own that is given the same. */
class World {
  readonly clock = new VirtualClock();
  readonly inner = new HeldStore(this.clock);
  readonly snapshots = new Map(GROUPS.map((name) => [name as string, new MemoryLogStore(this.clock)]));
  readonly twins = new Map(GROUPS.map((name) => [name as string, new MemoryLogStore(this.clock)]));
  readonly terms = new Map<string, number>(GROUPS.map((name) => [name, 1]));
  shared!: SharedLog;
  groups = new Map<string, LogStore>();
  mostBytes = 0;

  readonly logBytes: number;

  constructor(logBytes: number) {
    this.logBytes = logBytes;
    for (const twin of this.twins.values()) this.#wait((done) => twin.open(done));
    this.open();
  }

  #wait(action: (done: (failure: Error | undefined) => void) => void): void {
    let ended = false;
    action((failure) => {
      expect(failure).toBeUndefined();
      ended = true;
    });
    this.clock.advance(100);
    expect(ended).toBe(true);
  }

  open(): void {
    const snapshots = (name: string) => this.snapshots.get(name)!;
    this.shared = new SharedLog({ store: this.inner, snapshots, clock: this.clock, logBytes: this.logBytes });
    this.#wait((done) => this.shared.open(done));
    for (const name of GROUPS) {
      const log = this.shared.group(name);
      this.#wait((done) => log.open(done));
      this.groups.set(name, log);
    }
  }

  close(): void {
    for (const log of this.groups.values()) this.#wait((done) => log.close(done));
    this.#wait((done) => this.shared.close(done));
  }

  do(one: Step): void {
    if (!('group' in one)) {
      this.clock.advance(100);
      if (one.kind === 'settle') return;
      this.close();
      this.open();
    } else {
      const logs = [this.groups.get(one.group)!, this.twins.get(one.group)!];
      if (one.kind === 'append') this.#append(one.group, logs, one.back, one.count);
      else if (one.kind === 'vote') this.#vote(one.group, logs);
      else this.#snapshot(one.group, logs, one.kind === 'replace');
    }
    this.mostBytes = Math.max(this.mostBytes, this.shared.bytes);
  }

  #append(name: string, logs: LogStore[], back: number, count: number): void {
    const { lastIndex } = logs[1]!;
    // What a snapshot covers is committed, and never replaced.
    const from = Math.max((logs[1]!.snapshot()?.meta.index ?? 0) + 1, lastIndex + 1 - back);
    const value = this.terms.get(name)! + (from <= lastIndex ? 1 : 0);
    this.terms.set(name, value);
    const entries = suiteEntries(from, from + count - 1, value);
    for (const log of logs) log.append({ hardState: undefined, entries }, () => {});
  }

  #vote(name: string, logs: LogStore[]): void {
    const value = this.terms.get(name)! + 1;
    this.terms.set(name, value);
    const hardState = { term: term(value), votedFor: nodeId(`n${value}`) };
    for (const log of logs) log.append({ hardState, entries: [] }, () => {});
  }

  /** One of what the log holds, after which it is dropped; or one that is ahead of it, and replaces it. */
  #snapshot(name: string, logs: LogStore[], replaces: boolean): void {
    this.clock.advance(100);
    const { lastIndex } = logs[1]!;
    const index = logIndex(lastIndex + (replaces ? 5 : 0));
    if (index === 0) return;
    const value = replaces ? term(this.terms.get(name)!) : logs[1]!.termAt(index)!;
    for (const log of logs) {
      const writer = log.beginSnapshot({ index, term: value, membership: { voters: [], learners: [] } });
      writer.write(Uint8Array.of(1, 2, 3), () => {});
      this.#wait((done) => writer.commit(undefined, (failure, _stored?: StoredSnapshot) => done(failure)));
      if (replaces) this.#wait((done) => log.resetToSnapshot(done));
      else if (index > 2) log.compact(logIndex(index - 2));
    }
  }

  /** Each group is as its twin; opening may bring back what had been compacted. */
  check(): void {
    for (const name of GROUPS) {
      const twin = this.twins.get(name)!;
      const log = this.groups.get(name)!;
      expect(log.firstIndex).toBeLessThanOrEqual(twin.firstIndex);
      const { firstIndex, lastIndex } = twin;
      expect(log.lastIndex).toBe(lastIndex);
      expect(log.termAt(logIndex(firstIndex - 1))).toBe(twin.termAt(logIndex(firstIndex - 1)));
      const expected = lastIndex < firstIndex ? [] : twin.entries(firstIndex, lastIndex, Infinity);
      const found = lastIndex < firstIndex ? [] : log.entries(firstIndex, lastIndex, Infinity);
      expect(found).toEqual(expected);
    }
  }
}

test('groups on one log are as if each had its own, through compaction, replacement, cleaning and restarts', () => {
  let cleaned = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), (steps) => {
      const world = new World(300);
      for (const one of steps) {
        world.do(one);
        world.check();
      }
      world.do({ kind: 'reopen' });
      world.check();
      if (world.inner.firstIndex > 1) cleaned++;
    }),
    { numRuns: 300 },
  );
  expect(cleaned).toBeGreaterThan(40);
});

test('a log that groups keep compacting stays short, and a group that is idle loses nothing by it', () => {
  const world = new World(2_000);
  world.do({ kind: 'append', group: 'a', back: 0, count: 5 });
  world.do({ kind: 'vote', group: 'a' });
  for (let i = 0; i < 300; i++) {
    world.do({ kind: 'append', group: 'b', back: 0, count: 5 });
    world.do({ kind: 'compact', group: 'b' });
  }
  expect(world.mostBytes).toBeLessThan(6_000);
  expect(world.inner.firstIndex).toBeGreaterThan(200);
  world.do({ kind: 'reopen' });
  world.check();
  holds(world.groups.get('a')!, 1, suiteEntries(1, 5, 1));
});

test('the older half of a shared log goes only when what is needed of it is durable once more', () => {
  const world = new World(2_000);
  world.do({ kind: 'append', group: 'a', back: 0, count: 5 });
  world.do({ kind: 'vote', group: 'a' });
  const { inner } = world;
  // What is written again: as long as it is not on the disk, the old records are all there is of it.
  inner.isHeld = ({ entries }) => entries.some(({ data }) => decodeRecord(data).kind === 'kept');
  for (let i = 0; i < 100 && inner.holds === 0; i++) {
    world.do({ kind: 'append', group: 'b', back: 0, count: 5 });
    world.do({ kind: 'settle' });
  }
  expect(inner.holds).toBe(1);
  world.clock.advance(10_000);
  expect(inner.snapshot()).toBeUndefined();
  expect(inner.firstIndex).toBe(1);
  inner.letGo();
  world.clock.advance(10_000);
  expect(inner.firstIndex).toBeGreaterThan(2);
  world.check();
  world.do({ kind: 'reopen' });
  world.check();
});
