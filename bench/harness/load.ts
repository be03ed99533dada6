import { type Clock, systemClock } from '@tutti/kernel';
import { Histogram } from './histogram.ts';

const MS_PER_S = 1_000;
/** Below this much time to the next arrival the loop is only given a turn: timers are not finer. */
const TIMER_FLOOR_MS = 2;
const DRAIN_MS = 30_000;

export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The promise, or an error that names what did not happen in time. */
export function within<Result>(ms: number, what: string, promise: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** What an open loop needs of time. */
export type LoadClock = Pick<Clock, 'now' | 'setTimer' | 'nextTurn'>;

/** Lets a millisecond pass. */
function pause(clock: LoadClock): Promise<void> {
  return new Promise((resolve) => void clock.setTimer(1, resolve));
}

/** What came of an open-loop load. Latencies are in milliseconds. */
export interface OpenLoopResult {
  readonly offered: number;
  readonly completed: number;
  readonly achievedPerS: number;
  readonly latencies: Histogram;
}

/**
 * Offers work at a fixed rate whether or not what was offered before is done, and counts each latency from when the
 * request was due, not from when it could be sent. A stall is therefore felt by every request that it made wait,
 * which closed loops hide ("coordinated omission", G. Tene). Resolves when all is answered; throws what a
 * request failed with, or if thirty seconds after the last arrival something is not answered.
 */
export async function openLoop(
  ratePerS: number,
  durationMs: number,
  request: (done: (failure?: Error) => void) => void,
  clock: LoadClock = systemClock,
): Promise<OpenLoopResult> {
  const total = Math.max(1, Math.floor((ratePerS * durationMs) / MS_PER_S));
  const latencies = new Histogram();
  const start = clock.now();
  let last = start;
  let sent = 0;
  const failures: Error[] = [];
  const sendDue = () => {
    const dueNow = Math.min(total, Math.floor(((clock.now() - start) * ratePerS) / MS_PER_S) + 1);
    for (; sent < dueNow; sent++) {
      const due = start + (sent * MS_PER_S) / ratePerS;
      request((thrown) => {
        if (thrown) failures.push(thrown);
        last = clock.now();
        latencies.record(last - due);
      });
    }
  };
  await new Promise<void>((resolve) => {
    // No promise per turn: the load's own garbage would be collected in the middle of what it measures.
    const turn = () => {
      sendDue();
      if (sent === total || failures.length > 0) return resolve();
      const untilNextMs = start + (sent * MS_PER_S) / ratePerS - clock.now();
      if (untilNextMs > TIMER_FLOOR_MS) clock.setTimer(untilNextMs - 1, turn);
      else clock.nextTurn(turn);
    };
    turn();
  });
  const deadline = clock.now() + DRAIN_MS;
  while (latencies.count < sent && failures.length === 0) {
    if (clock.now() > deadline)
      throw new Error(`${sent - latencies.count} of ${total} requests were not answered`);
    await pause(clock);
  }
  if (failures.length > 0) throw failures[0]!;
  return {
    offered: total,
    completed: latencies.count,
    achievedPerS: (total * MS_PER_S) / (last - start),
    latencies,
  };
}

/** What came of a closed loop. Latencies are in milliseconds. */
export interface ClosedLoopResult {
  readonly completed: number;
  readonly perS: number;
  readonly latencies: Histogram;
}

/** A closed loop: so many clients, for how long they only warm up, and for how long they count. */
export interface ClosedLoad {
  readonly clients: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

/**
 * So many clients, each of which asks again as soon as it is answered. Right for throughput at a stated concurrency;
 * its latencies are those of that concurrency and no other. The rate is that of answers within the duration; each
 * request that began within it has its latency recorded, also if it ends later: a stall at the end is a stall.
 */
export function closedLoop(
  { clients, warmUpMs, durationMs }: ClosedLoad,
  request: (done: (failure?: Error) => void) => void,
): Promise<ClosedLoopResult> {
  return new Promise((resolve, reject) => {
    const latencies = new Histogram();
    const from = performance.now() + warmUpMs;
    const until = from + durationMs;
    let live = clients;
    let completed = 0;
    const client = () => {
      const sent = performance.now();
      if (sent >= until) {
        if (--live === 0) resolve({ completed, perS: (completed * MS_PER_S) / durationMs, latencies });
        return;
      }
      request((failure) => {
        if (failure) return reject(failure);
        const now = performance.now();
        if (now >= from && now < until) completed++;
        if (sent >= from) latencies.record(now - sent);
        client();
      });
    };
    for (let i = 0; i < clients; i++) client();
  });
}

/** What `read` gives when the part of a load that counts begins, and when it ends. Called as the load is started. */
export async function atEnds<Value>(
  { warmUpMs, durationMs }: Pick<ClosedLoad, 'warmUpMs' | 'durationMs'>,
  read: () => Value,
): Promise<readonly [before: Value, after: Value]> {
  await sleep(warmUpMs);
  const before = read();
  await sleep(durationMs);
  return [before, read()];
}

const HEAT_CLIENTS = 64;

/**
 * A closed loop whose figures nobody looks at, before the first that counts: a lone client would need a minute to bring
 * a fresh process's code to where its compiler has done its work, many clients need a second.
 */
export function heat(heatMs: number): ClosedLoad {
  return { clients: HEAT_CLIENTS, warmUpMs: 0, durationMs: heatMs };
}

/** The rate of a synchronous or asynchronous batch, repeated: warm-up apart, then until the time is up. */
export async function batchRate(
  { warmUpMs, durationMs }: { warmUpMs: number; durationMs: number },
  perBatch: number,
  batch: () => void | Promise<void>,
): Promise<number> {
  const repeat = async (ms: number): Promise<number> => {
    const start = performance.now();
    let batches = 0;
    let now = start;
    do {
      await batch();
      batches++;
      now = performance.now();
    } while (now - start < ms);
    return (batches * perBatch * MS_PER_S) / (now - start);
  };
  await repeat(warmUpMs);
  globalThis.gc?.();
  return await repeat(durationMs);
}
