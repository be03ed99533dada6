import type { BenchCase } from '../harness/case.ts';
import { limitOf, milliseconds } from '../harness/say.ts';

export const bench: BenchCase = {
  id: 'O5',
  title: 'The four kinds of message, on one node and between two',
  measures: 'milliseconds each, one at a time',
  payload: 'an event with a type, and between two nodes the time at which it set out',
  durability: 'state updates go through the log, which is in memory',
  verification: 'each arrival is counted by the receiver and compared; each update answers with its number',
  figures: [
    {
      id: 'delivery-p50',
      title: 'delivery, p50',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'delivery', at: 0.5 },
    },
    {
      id: 'delivery-p99',
      title: 'delivery, p99',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'delivery', at: 0.99 },
    },
    {
      id: 'request-p50',
      title: 'request and response, p50',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'request', at: 0.5 },
    },
    {
      id: 'request-p99',
      title: 'request and response, p99',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'request', at: 0.99 },
    },
    {
      id: 'update-p50',
      title: 'state update, p50',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'update', at: 0.5 },
    },
    {
      id: 'update-p99',
      title: 'state update, p99',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'update', at: 0.99 },
    },
    {
      id: 'broadcast-p50',
      title: 'broadcast to 100, p50',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'broadcast', at: 0.5 },
    },
    {
      id: 'broadcast-p99',
      title: 'broadcast to 100, p99',
      unit: 'ms',
      better: 'lower',
      percentile: { of: 'broadcast', at: 0.99 },
    },
  ],
  targets: [
    { level: 'floor', figure: 'delivery-p99', value: 10 },
    { level: 'floor', figure: 'request-p99', value: 500 },
    { level: 'floor', figure: 'update-p99', value: 20 },
    { level: 'floor', figure: 'broadcast-p99', value: 100 },
  ],
  limits: ['delivery', 'request', 'update', 'broadcast'].map((kind) =>
    limitOf(
      `${kind}-p99`,
      {
        half: ['tutti', `${kind}-p50`],
        late: ['tutti', `${kind}-p99`],
        remoteHalf: ['two-nodes', `${kind}-p50`],
        remoteLate: ['two-nodes', `${kind}-p99`],
      },
      ({ half, late, remoteHalf, remoteLate }) =>
        `One at a time, so nothing waits for others: the work is the median, ${milliseconds(half)} on one node and ${milliseconds(remoteHalf)} between two; what the p99 has above it, ${milliseconds(late - half)} and ${milliseconds(remoteLate - remoteHalf)}, is time in which a process did something else or had no processor.`,
    ),
  ),
  subjects: [
    {
      id: 'tutti',
      kind: 'ours',
      title: 'Tutti, one node',
      configuration: 'createNode() without a folder',
      load: async () => (await import('../subjects/headline/messages.ts')).localMessages,
    },
    {
      id: 'two-nodes',
      kind: 'ours',
      title: 'Tutti, two nodes',
      configuration:
        'two processes on loopback, defaults; the receiver times arrivals on the monotonic clock that both share; a state update is agreed by both',
      load: async () => (await import('../subjects/wire/remote-messages.ts')).remoteMessages,
    },
  ],
  sizes: { quick: { messages: 1_000 }, full: { messages: 10_000 } },
  note: 'Floors are the slow ends of what the original says.',
};
