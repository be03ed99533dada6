import { type NodeId, term, VirtualClock } from '@tutti/kernel';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Entry, RaftMessage } from '../raft/messages.ts';
import type { LogStore, LogWrite, WriteCallback } from '../storage/log-store.ts';
import { suiteEntries } from '../storage/log-store-suite.ts';
import { merged, Persister } from './persister.ts';
import { newReplicaStats } from './replica-stats.ts';
import { StageWatch } from './stage-times.ts';

/** A log as writes make it, one after another. */
function replay(writes: readonly LogWrite[]): Entry[] {
  const log: Entry[] = [];
  for (const write of writes)
    for (const entry of write.entries) {
      log.length = entry.index - 1;
      log.push(entry);
    }
  return log;
}

test('writes merged into one leave the log and hard state that they leave one by one', () => {
  const plan = fc.array(fc.record({ back: fc.nat(4), count: fc.nat(4), vote: fc.boolean() }), {
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(plan, (steps) => {
      let last = 10;
      const before: LogWrite = { hardState: undefined, entries: suiteEntries(1, 10, 1) };
      const writes = steps.map(({ back, count, vote }, i): LogWrite => {
        const from = Math.max(1, last + 1 - back);
        if (count > 0) last = from + count - 1;
        return {
          hardState: vote ? { term: term(i), votedFor: undefined } : undefined,
          entries: suiteEntries(from, from + count - 1, i + 2),
        };
      });
      const one = merged(writes);
      for (const [i, entry] of one.entries.entries()) expect(entry.index).toBe(one.entries[0]!.index + i);
      expect(replay([before, one])).toEqual(replay([before, ...writes]));
      expect(one.hardState).toEqual(writes.findLast((write) => write.hardState)?.hardState);
    }),
    { numRuns: 300 },
  );
});

test('one write is under way at a time, and messages leave only when their batch is durable', () => {
  const flights: { write: LogWrite; done: WriteCallback }[] = [];
  const store = { append: (write: LogWrite, done: WriteCallback) => void flights.push({ write, done }) };
  const left: unknown[] = [];
  const persister = new Persister(
    store as LogStore,
    {
      durable: (sequence, messages) => left.push([sequence, messages.length]),
      failed: (failure) => left.push(failure.message),
    },
    newReplicaStats(),
    new StageWatch(new VirtualClock()),
  );
  const vote: RaftMessage = {
    type: 'voteReply',
    from: 'a' as NodeId,
    to: 'b' as NodeId,
    term: term(1),
    pre: false,
    campaignTerm: term(1),
    granted: true,
  };
  const batch = (sequence: number) => ({
    sequence,
    hardState: undefined,
    entries: suiteEntries(sequence, sequence, 1),
  });
  persister.submit(batch(1), [vote]);
  persister.submit(batch(2), []);
  persister.submit(batch(3), [vote, vote]);
  expect(flights).toHaveLength(1);
  expect(left).toEqual([]);
  flights[0]!.done(undefined);
  expect(left).toEqual([[1, 1]]);
  expect(flights[1]!.write.entries.map((entry) => entry.index)).toEqual([2, 3]);
  flights[1]!.done(new Error('the disk is gone'));
  expect(left).toEqual([[1, 1], 'the disk is gone']);
});
