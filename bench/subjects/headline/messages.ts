import { replying } from '@tutti/runtime';
import { createNode } from 'tutti';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { Histogram } from '../../harness/histogram.ts';
import { Arrivals, mustEqual } from '../actors/arrivals.ts';

const AUDIENCE = 100;

/** The four kinds of message that the original texts time, on one node. */
export async function localMessages({ messages }: Sizes): Promise<Measurement> {
  const node = createNode({ orchestration: false });
  const counter = node.replicated(
    'counter',
    replying((n: number, _event: { type: 'ADD' }, reply) => {
      reply(n + 1);
      return n + 1;
    }, 0),
  );
  await node.start();
  const arrivals = new Arrivals();
  const listeners = Array.from({ length: AUDIENCE }, () =>
    node.spawn(
      replying((n: number, _event: { type: 'ADD' }, reply) => {
        arrivals.arrive();
        reply(n);
        return n + 1;
      }, 0),
    ),
  );
  const [first] = listeners;
  let sent = 0;
  let updates = 0;
  const expect = (count: number) => arrivals.until((sent += count));
  const histograms = {
    delivery: await timed(messages!, async () => {
      first!.send({ type: 'ADD' });
      await expect(1);
    }),
    request: await timed(messages!, async () => {
      await first!.ask({ type: 'ADD' });
      sent++;
    }),
    broadcast: await timed(messages! / 10, async () => {
      for (const listener of listeners) listener.send({ type: 'ADD' });
      await expect(AUDIENCE);
    }),
    update: await timed(messages!, async () => {
      mustEqual('updates agreed', await counter.ask({ type: 'ADD' }), ++updates);
    }),
  };
  // Before the end: reducers see the event that stops them, as they do under XState.
  mustEqual('arrivals', arrivals.count, sent);
  await node.stop();
  return {
    figures: {},
    histograms,
    verified: `${arrivals.count} arrivals for ${sent} sends, ${updates} updates in their order`,
  };
}

async function timed(count: number, action: () => Promise<unknown>) {
  const latency = new Histogram();
  for (let i = -count / 10; i < count; i++) {
    const start = performance.now();
    await action();
    if (i >= 0) latency.record(performance.now() - start);
  }
  return latency.pack();
}
