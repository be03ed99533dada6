import { expect, test } from 'vitest';
import { closedLoop, type LoadClock, openLoop, within } from './load.ts';

/** A clock that only moves when it is waited for, or pushed. */
class SteppingClock implements LoadClock {
  ms = 0;
  now = () => this.ms;
  nextTurn(action: () => void): void {
    this.setTimer(0.25, action);
  }
  setTimer(delayMs: number, action: () => void): object {
    this.ms += delayMs;
    setImmediate(action);
    return {};
  }
}

test('an open loop counts the wait that a stall imposes on those who were due during it', async () => {
  const clock = new SteppingClock();
  let requests = 0;
  const stallOnce = (done: () => void) => {
    if (requests++ === 0) clock.ms += 40;
    done();
  };
  const { latencies, offered } = await openLoop(1_000, 60, stallOnce, clock);
  expect(offered).toBe(60);
  expect(latencies.count).toBe(60);
  // Of 60 that were due a millisecond apart, the 40 due in the stall waited for its end: from 40 ms down to none.
  expect(latencies.percentile(0.9)).toBeGreaterThan(30);
  expect(latencies.percentile(0.5)).toBeGreaterThan(5);
  expect(latencies.percentile(0.2)).toBeLessThan(2);
});

test('an open loop answers only when every request is answered', async () => {
  const waiting: (() => void)[] = [];
  const loop = openLoop(1_000, 5, (done) => waiting.push(done));
  while (waiting.length < 5) await new Promise((resolve) => setImmediate(resolve));
  for (const done of waiting) done();
  expect((await loop).completed).toBe(5);
});

test('a closed loop has as many requests under way as it has clients, and never more', async () => {
  let underWay = 0;
  let most = 0;
  await closedLoop({ clients: 7, warmUpMs: 1, durationMs: 5 }, (done) => {
    most = Math.max(most, ++underWay);
    setImmediate(() => {
      underWay--;
      done();
    });
  });
  expect(most).toBe(7);
  expect(underWay).toBe(0);
});

test('a closed loop keeps the latency of what began in time and ended late, and does not count it in the rate', async () => {
  const waiting: (() => void)[] = [];
  const loop = closedLoop({ clients: 1, warmUpMs: 0, durationMs: 4 }, (done) => waiting.push(done));
  const start = performance.now();
  while (performance.now() - start < 6) await new Promise((resolve) => setImmediate(resolve));
  waiting[0]!();
  const { perS, completed, latencies } = await loop;
  expect([perS, completed, latencies.count]).toEqual([0, 0, 1]);
  expect(latencies.percentile(1)).toBeGreaterThan(4);
});

test('a closed loop fails with the first request that fails', async () => {
  const loop = closedLoop({ clients: 2, warmUpMs: 0, durationMs: 1_000 }, (done) =>
    done(new Error('refused')),
  );
  await expect(loop).rejects.toThrow('refused');
});

test('what does not happen in time is named', async () => {
  await expect(within(1, 'the answer', new Promise(() => {}))).rejects.toThrow('the answer: not within 1 ms');
});

test('an open loop says what a request failed with, and does not wait for the others', async () => {
  const waiting: ((failure?: Error) => void)[] = [];
  const loop = openLoop(1_000, 5, (done) => waiting.push(done));
  const failed = expect(loop).rejects.toThrow('no leader');
  while (waiting.length < 2) await new Promise((resolve) => setImmediate(resolve));
  waiting[1]!(new Error('no leader'));
  await failed;
});
