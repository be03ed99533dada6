// The other node of a pair for the four kinds of message: it times arrivals on the clock that both share.
import type { PeerAddress } from '@tutti/kernel';
import { replying } from '@tutti/runtime';
import { fromTransition } from 'xstate';
import { serve } from '../../harness/fleet-member.ts';
import { Histogram } from '../../harness/histogram.ts';
import { AUDIENCE, counterOf, type Flown, machineMs } from './flown.ts';
import { pairedNode } from './paired-node.ts';

const own = pairedNode('b');
const times = { delivery: new Histogram(), broadcast: new Histogram() };
let arrived = 0;
counterOf(own.node);

const listeners = Array.from({ length: AUDIENCE }, (_, i) =>
  own.node.spawn(
    fromTransition((count: number, event: Flown) => {
      arrived++;
      if (event.type === 'ONE') times.delivery.record(machineMs() - event.atMs);
      else if (event.type === 'ALL' && event.isLast) times.broadcast.record(machineMs() - event.atMs);
      return count + 1;
    }, 0),
    { id: `listener-${i}` },
  ),
);
const echo = own.node.spawn(
  replying((count: number, _event: { type: 'ASK' }, reply) => {
    reply(count + 1);
    return count + 1;
  }, 0),
  { id: 'echo' },
);

serve({
  listen: () => own.address(),
  join: (peer: PeerAddress) => own.join(peer),
  addresses: () => ({ listeners: listeners.map(({ address }) => address), echo: echo.address }),
  forget: () => {
    times.delivery = new Histogram();
    times.broadcast = new Histogram();
  },
  arrived: () => arrived,
  times: () => ({ delivery: times.delivery.pack(), broadcast: times.broadcast.pack() }),
});
