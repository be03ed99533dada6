import { EventEmitter } from 'node:events';
import { Ring } from '@tutti/kernel';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { Histogram } from '../../harness/histogram.ts';
import { batchRate } from '../../harness/load.ts';
import { Arrivals, mustEqual } from './arrivals.ts';
import { ADD } from './one-way.ts';

const BURST = 10;
const MAILBOX_MAX = 2 * BURST;

/** One to many, as a sample drives it. */
export interface Broadcast {
  /** Gives one event to every subscriber, now or soon. */
  readonly publish: () => void;
  /** Told of each delivery by its subscriber. */
  readonly arrivals: Arrivals;
  /** How many events each subscriber has had, by its own count, asked at the end. */
  readonly counts: () => Promise<readonly number[]> | readonly number[];
}

/** First one event at a time, from the call to the last delivery; then ten at a time, for the rate. */
export async function measureBroadcast(
  { subscribers, events, warmUpMs, durationMs }: Sizes,
  { publish, arrivals, counts }: Broadcast,
): Promise<Measurement> {
  let published = 0;
  const publishAll = (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) publish();
    published += count;
    return arrivals.until(published * subscribers!);
  };
  const burst = () => publishAll(BURST);
  const rate = await batchRate({ warmUpMs: warmUpMs!, durationMs: durationMs! }, BURST * subscribers!, burst);
  const latency = new Histogram();
  for (let i = 0; i < events!; i++) {
    const start = performance.now();
    await publishAll(1);
    latency.record(performance.now() - start);
  }
  const had = await counts();
  mustEqual('subscribers', had.length, subscribers!);
  for (const count of had) mustEqual('events that a subscriber had', count, published);
  return {
    figures: { rate },
    histograms: { last: latency.pack() },
    verified: `each of ${had.length} subscribers counted ${published} events`,
  };
}

/** A loop over an array of mailboxes, and one over what they hold: the least that one event for each can cost. */
export async function mailboxes(sizes: Sizes): Promise<Measurement> {
  const arrivals = new Arrivals();
  const all = Array.from({ length: sizes['subscribers']! }, () => ({
    ring: new Ring<typeof ADD>(MAILBOX_MAX),
    count: 0,
  }));
  let isDrainPending = false;
  const drain = () => {
    isDrainPending = false;
    for (const box of all)
      while (box.ring.shift() === ADD) {
        box.count++;
        arrivals.arrive();
      }
  };
  const publish = () => {
    for (const { ring } of all) ring.push(ADD);
    if (isDrainPending) return;
    isDrainPending = true;
    setImmediate(drain);
  };
  return await measureBroadcast(sizes, { publish, arrivals, counts: () => all.map(({ count }) => count) });
}

/** Node's own emitter: every listener is run on the publisher's stack. */
export async function emitter(sizes: Sizes): Promise<Measurement> {
  const arrivals = new Arrivals();
  const events = new EventEmitter().setMaxListeners(0);
  const counts = new Array<number>(sizes['subscribers']!).fill(0);
  for (let i = 0; i < counts.length; i++)
    events.on('tick', () => {
      counts[i]!++;
      arrivals.arrive();
    });
  const publish = () => void events.emit('tick', ADD);
  return await measureBroadcast(sizes, { publish, arrivals, counts: () => counts });
}
