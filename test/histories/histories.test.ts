import {
  checkLinearizable,
  describeVerdict,
  HistoryRecorder,
  type RegisterInput,
  type RegisterOutput,
  registerModel,
} from '@tutti/consensus/linearizability';
import { expect, test } from 'vitest';
import { Clients } from './clients.ts';
import { FiveNodes, NAMES } from './five-nodes.ts';
import { runHistory } from './history-run.ts';

const PATIENCE_MS = 120_000;

test.each([
  ['confirmed by a majority', 20_261_121, 'quorum'],
  ['under a lease', 20_261_122, 'lease'],
] as const)(
  'what ten clients saw of five processes under kills, stops and partitions is linearizable, with reads %s',
  async (_how, seed, reads) => {
    const report = await runHistory({ seed, durationMs: 5_000, reads });
    expect(report.problems, report.faults.join('\n')).toEqual([]);
    expect(report.verdict).toBe('linearizable');
    expect(report.faults.length).toBeGreaterThan(0);
    expect(report.acknowledgedWrites).toBeGreaterThan(0);
  },
  PATIENCE_MS,
);

const key = 'k';

test(
  'a node that is cut off answers no read, and a client that reads there without the barrier is caught',
  async () => {
    const cluster = await FiveNodes.start({ seed: 1 });
    try {
      const recorder = new HistoryRecorder<RegisterInput, RegisterOutput>();
      const clients = new Clients(cluster, recorder, 1);
      const write = async (node: string, value: number) => {
        while ((await clients.operate('writer', node, { op: 'write', key, value })).kind !== 'returned');
      };
      await write('n1', 1);
      const leader = (await cluster.leader())!;
      const cutOff = NAMES.find((name) => name !== leader)!;
      // The barrier shows it the first write.
      await cluster.records(cutOff);
      for (const other of NAMES.filter((name) => name !== cutOff))
        for (const { link, direction } of [cluster.way(cutOff, other), cluster.way(other, cutOff)])
          link.hold(direction);
      await write(leader, 2);
      const refused = await clients.operate('reader', cutOff, { op: 'read', key });
      expect(refused.kind).not.toBe('returned');
      const before = checkLinearizable(recorder.operations(), registerModel);
      expect(before.verdict, describeVerdict(before, registerModel)).toBe('linearizable');

      await clients.operate('careless', cutOff, { op: 'read', key }, true);
      const verdict = checkLinearizable(recorder.operations(), registerModel);
      expect(verdict.verdict).toBe('violated');
      expect(describeVerdict(verdict, registerModel)).toContain('careless: read -> 1');
    } finally {
      await cluster.end();
    }
  },
  PATIENCE_MS,
);
