import type { Measurement, Sizes } from '../../harness/case.ts';
import { batchRate } from '../../harness/load.ts';
import { type Arrivals, mustEqual } from './arrivals.ts';

/** The event that everybody sends: one object, so that nobody is measured by the garbage collector's mood. */
export const ADD = { type: 'ADD' } as const;

/** One sender, one receiver: batches are sent, and each is over when its last message has been handled. */
export async function measureOneWay(
  { warmUpMs, durationMs, batch }: Sizes,
  send: () => void,
  arrivals: Arrivals,
  handled: () => number | Promise<number>,
): Promise<Measurement> {
  let sent = 0;
  const rate = await batchRate({ warmUpMs: warmUpMs!, durationMs: durationMs! }, batch!, async () => {
    for (let i = 0; i < batch!; i++) send();
    sent += batch!;
    await arrivals.until(sent);
  });
  const inState = await handled();
  mustEqual('messages in the receiver’s state', inState, sent);
  return { figures: { rate }, verified: `${sent} sent, ${inState} in the receiver's state` };
}
