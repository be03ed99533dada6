import { VirtualClock } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { REPLICA_DEFAULTS } from './replica-options.ts';
import { SnapshotSchedule } from './snapshot-schedule.ts';

function schedule(config: object) {
  const clock = new VirtualClock();
  const made = new SnapshotSchedule(clock, { ...REPLICA_DEFAULTS, ...config });
  let index = 0;
  let bytes = 0;
  /** Applies entries of 10 bytes; gives the indexes at which a snapshot became due. */
  const apply = (count: number): number[] => {
    const due: number[] = [];
    for (let i = 0; i < count; i++) if (made.applied(++index, 10, (bytes += 10))) due.push(index);
    return due;
  };
  return { clock, made, apply, bytes: () => bytes };
}

test('is due at the same entries on every node, whenever it last took one', () => {
  const one = schedule({ snapshotEntries: 10 });
  expect(one.apply(12)).toEqual([10]);
  one.made.begun(one.bytes());
  one.made.stored(5);
  expect(one.apply(20)).toEqual([20]);
  const other = schedule({ snapshotEntries: 10 });
  other.apply(17);
  other.made.begun(other.bytes());
  other.made.stored(5);
  expect(other.apply(5)).toEqual([20]);
  const byBytes = schedule({ snapshotEntries: 1_000, snapshotBytes: 95 });
  expect(byBytes.apply(15)).toEqual([10]);
});

test('what becomes due while one is written is not lost, and one that is given up is due again', () => {
  const { made, apply, bytes, clock } = schedule({ snapshotEntries: 10 });
  apply(10);
  made.begun(bytes());
  expect(made.due).toBe(false);
  expect(apply(10)).toEqual([20]);
  made.stored(5);
  expect(made.due).toBe(true);
  made.begun(bytes());
  made.failed(false);
  expect(made.due).toBe(true);
  made.begun(bytes());
  made.failed(true);
  expect(made.due).toBe(false);
  clock.advance(5_000);
  expect(made.due).toBe(true);
});

test('a state larger than the bound is written again only when the log has grown by a share of it', () => {
  const { made, apply, bytes } = schedule({ snapshotEntries: 10, snapshotBytes: 100, snapshotGrowth: 0.5 });
  apply(10);
  made.begun(bytes());
  made.stored(1_000);
  expect(apply(60)).toEqual([60]);
  made.begun(bytes());
  made.failed(false);
  made.demand();
  expect(made.due).toBe(true);
});
