import type { Measurement, Sizes } from '../../harness/case.ts';
import { nextTurn, sleep } from '../../harness/load.ts';

const SENDS_PER_TURN = 256;
const DRAIN_MS = 30_000;

/** One direction of a link, as a sample drives it. */
export interface Stream {
  /** Sends so many. */
  send(count: number): void;
  /** How many the receiver has said it has. */
  received(): number;
  /** What the receiver has in truth, asked at the end. */
  count(): Promise<number>;
}

/**
 * Sends as fast as the receiver takes it: at most `window` messages are under way, so that no queue on the way
 * overflows. The rate is that of arrivals, counted until the last one is there.
 */
export async function measureStream(
  { warmUpMs, durationMs, window }: Sizes,
  stream: Stream,
): Promise<Measurement> {
  let sent = 0;
  const run = async (ms: number): Promise<number> => {
    const [before, start] = [sent, performance.now()];
    while (performance.now() - start < ms) {
      if (sent - stream.received() < window!) {
        stream.send(SENDS_PER_TURN);
        sent += SENDS_PER_TURN;
      }
      await nextTurn();
    }
    await drained(stream, sent);
    return ((sent - before) * 1_000) / (performance.now() - start);
  };
  await run(warmUpMs!);
  const rate = await run(durationMs!);
  const count = await stream.count();
  if (count !== sent) throw new Error(`${count} of ${sent} messages arrived`);
  return { figures: { rate }, verified: `${sent} sent, ${count} counted in the other process` };
}

async function drained(stream: Stream, sent: number): Promise<void> {
  const deadline = performance.now() + DRAIN_MS;
  while ((await stream.count()) < sent) {
    if (performance.now() > deadline)
      throw new Error(`${sent - (await stream.count())} messages did not arrive`);
    await sleep(1);
  }
}
