import { expect, test } from 'vitest';
import type { NodeTrace } from './look-in-api.ts';
import { TraceReading } from './trace-reading.ts';

/** What a node answers that keeps the latest 1,000 of `count`, and is asked for those after `from`. */
function answer(run: string, count: number, from: number, node = 'n1'): NodeTrace {
  const entries = Array.from({ length: Math.min(count, 1_000) }, (_, at) => {
    const number = Math.max(0, count - 1_000) + at + 1;
    return { number, at: number, actor: 'a', type: 'T', event: { type: 'T' } };
  });
  return { node, actors: [], run, count, entries: entries.filter(({ number }) => number > from) };
}

/** How many entries a look brings, and how many it misses. */
function look(reading: TraceReading, run: string, count: number): [number, number] {
  const { entries, missed } = reading.take(answer(run, count, reading.from));
  return [entries.length, missed];
}

test('each entry is read once, and what was pushed out between two looks is counted', () => {
  const reading = new TraceReading();
  reading.begin(answer('1.1', 0, 0));
  expect(look(reading, '1.1', 3)).toEqual([3, 0]);
  expect(look(reading, '1.1', 3)).toEqual([0, 0]);
  expect(look(reading, '1.1', 5_003)).toEqual([1_000, 4_000]);
  expect(look(reading, '1.1', 5_004)).toEqual([1, 0]);
});

test('a node that begins anew is read from its first entry, although it counts from 1 again', () => {
  const reading = new TraceReading();
  reading.begin(answer('1.1', 0, 0));
  look(reading, '1.1', 500);
  expect(look(reading, '2.1', 20)).toEqual([0, 0]);
  expect(look(reading, '2.1', 22)).toEqual([22, 0]);
});

test('who joins a trace that is under way is shown what is kept, and missed nothing of it', () => {
  const reading = new TraceReading();
  reading.begin(answer('1.1', 7_000, 0));
  expect(look(reading, '1.1', 7_001)).toEqual([1_000, 1]);
});

test('nodes are asked from where the one is that has been read least far', () => {
  const reading = new TraceReading();
  reading.begin(answer('1.1', 0, 0));
  reading.begin(answer('1.1', 0, 0, 'n2'));
  reading.take(answer('1.1', 10, 0));
  expect(reading.from).toBe(0);
  reading.take(answer('1.1', 4, 0, 'n2'));
  expect(reading.from).toBe(4);
  expect(reading.take(answer('1.1', 12, 4)).entries.map(({ number }) => number)).toEqual([11, 12]);
});
