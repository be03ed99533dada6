import { expect, test } from 'vitest';
import { closedLoop, openLoop, within } from './load.ts';

test('an open loop counts the wait that a stall imposes on those who were due during it', async () => {
  let stalled = false;
  const { latencies, offered } = await openLoop(1_000, 60, (done) => {
    if (!stalled) {
      stalled = true;
      const end = performance.now() + 40;
      while (performance.now() < end);
    }
    done();
  });
  expect(offered).toBe(60);
  expect(latencies.count).toBe(60);
  // Of 60 that were due a millisecond apart, those due in the 40 ms of the stall waited for its end: 20 ms on average.
  expect(latencies.percentile(0.4)).toBeGreaterThan(5);
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

test('a closed loop fails with the first request that fails', async () => {
  const loop = closedLoop({ clients: 2, warmUpMs: 0, durationMs: 1_000 }, (done) =>
    done(new Error('refused')),
  );
  await expect(loop).rejects.toThrow('refused');
});

test('what does not happen in time is named', async () => {
  await expect(within(1, 'the answer', new Promise(() => {}))).rejects.toThrow('the answer: not within 1 ms');
});
