import type { PeerAddress } from '@tutti/kernel';
import type { TransportLimits } from '@tutti/transport';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { FleetProcess } from '../../harness/fleet.ts';
import { NOTE } from './note.ts';
import { measureStream } from './stream.ts';
import { NOTES, transportOf } from './transport-of.ts';

/** The transport alone, without actors above it; with other limits, without batches. */
export function transportOneWay(limits: Partial<TransportLimits>) {
  return async (sizes: Sizes): Promise<Measurement> => {
    const peer = new FleetProcess(new URL('./transport-peer.ts', import.meta.url));
    const { transport, address } = await transportOf('a', limits);
    const theirs = await peer.call<PeerAddress>('listen', limits);
    const linked = new Promise<void>((resolve) =>
      transport.onLink({ linkUp: () => resolve(), linkDown: () => {} }),
    );
    transport.addPeer(theirs);
    await peer.call('join', address);
    await linked;
    let received = 0;
    peer.onCount('received', (count) => (received = count));
    return await measureStream(sizes, {
      send(count) {
        for (let i = 0; i < count; i++)
          if (transport.send(theirs.nodeId, NOTES, NOTE) !== 'queued')
            throw new Error('the lane took no more');
      },
      received: () => received,
      count: () => peer.call<number>('count'),
    });
  };
}
