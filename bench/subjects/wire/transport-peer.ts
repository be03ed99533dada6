// The other end of a bare transport: counts notes.
import type { PeerAddress } from '@tutti/kernel';
import type { TransportLimits, WsTransport } from '@tutti/transport';
import { serve, tell } from '../../harness/fleet-member.ts';
import { TELL_EVERY } from './note.ts';
import { NOTES, transportOf } from './transport-of.ts';

let count = 0;
let own: WsTransport | undefined;

serve({
  async listen(limits: Partial<TransportLimits>) {
    const { transport, address } = await transportOf('b', limits);
    own = transport;
    transport.onMessage(NOTES, () => {
      if (++count % TELL_EVERY === 0) tell('received', count);
    });
    return address;
  },
  join: (peer: PeerAddress) => own!.addPeer(peer),
  count: () => count,
});
