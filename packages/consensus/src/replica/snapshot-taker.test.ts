import { isTuttiError, jsonCodec, logIndex, nodeId, silentLogger, term, VirtualClock } from '@tutti/kernel';
import { expect, test } from 'vitest';
import type { StoredSnapshot } from '../storage/log-store.ts';
import { MemoryLogStore } from '../storage/memory-log-store.ts';
import { ModuleHost } from './module-host.ts';
import { REPLICA_DEFAULTS } from './replica-options.ts';
import { readSnapshot } from './snapshot-reader.ts';
import { SnapshotTaker } from './snapshot-taker.ts';

const meta = { index: logIndex(5), term: term(1), membership: { voters: [nodeId('a')], learners: [] } };

/** A clock on which each look at it takes a tenth of a millisecond. */
class WorkingClock extends VirtualClock {
  #spentMs = 0;

  override now(): number {
    this.#spentMs += 0.1;
    return super.now() + this.#spentMs;
  }
}

test('a snapshot is written and read a few milliseconds per turn, with turns for others between', () => {
  const clock = new WorkingClock();
  const config = { ...REPLICA_DEFAULTS, snapshotBudgetMs: 2 };
  const parts = Array.from({ length: 1_000 }, (_, i) => i);
  const state = { timeMs: 1, appliedBytes: 0, sessions: [], modules: [{ name: 'm', parts }] };
  const store = new MemoryLogStore(clock);
  let stored: StoredSnapshot | undefined;
  new SnapshotTaker(store, clock, jsonCodec, config).take(state, meta, (_, found) => (stored = found));
  let turns = 0;
  const count = (isOver: () => boolean): number => {
    turns = 0;
    const next = (): void => {
      if (isOver()) return;
      turns++;
      clock.nextTurn(next);
    };
    next();
    clock.advance(1);
    return turns;
  };
  expect(count(() => stored !== undefined)).toBeGreaterThan(40);
  const host = new ModuleHost(jsonCodec, silentLogger);
  const restored: unknown[] = [];
  const restorer = { add: (part: unknown) => void restored.push(part), finish: () => {} };
  const nothing = () => {};
  host.register({
    name: 'm',
    apply: nothing,
    snapshot: () => [],
    restore: nothing,
    restorer: () => restorer,
  });
  let done = false;
  readSnapshot(stored!, host.restorer(), { clock, codec: jsonCodec, config }, (failure) => {
    expect(failure).toBeUndefined();
    done = true;
  });
  expect(count(() => done)).toBeGreaterThan(40);
  expect(restored).toEqual(parts);
});

test('a stored snapshot that has become shorter is an error, not an endless wait', () => {
  const outcomes: unknown[] = [];
  const shorter = { meta, totalBytes: 100, checksum: 0 };
  const stored: StoredSnapshot = {
    ...shorter,
    read: (_offset, _length, done) => done(undefined, new Uint8Array(0)),
    hold: () => () => {},
  };
  const host = new ModuleHost(jsonCodec, silentLogger);
  const parts = { clock: new VirtualClock(), codec: jsonCodec, config: REPLICA_DEFAULTS };
  readSnapshot(stored, host.restorer(), parts, (failure) => outcomes.push(failure));
  expect(outcomes).toHaveLength(1);
  expect(isTuttiError(outcomes[0], 'TUTTI_CODEC_INVALID')).toBe(true);
});
