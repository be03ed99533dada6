// The other node of a pair: an actor that counts notes and answers questions.
import type { PeerAddress } from '@tutti/kernel';
import { replying } from '@tutti/runtime';
import { serve, tell } from '../../harness/fleet-member.ts';
import { TELL_EVERY } from './note.ts';
import { pairedNode } from './paired-node.ts';

let count = 0;
const own = pairedNode('b');
const counter = own.node.spawn(
  replying((n: number, _event: { type: 'NOTE' }, reply) => {
    if (++count % TELL_EVERY === 0) tell('received', count);
    reply(n + 1);
    return n + 1;
  }, 0),
  { id: 'counter' },
);

serve({
  listen: () => own.address(),
  join: (peer: PeerAddress) => own.join(peer),
  counter: () => counter.address,
  count: () => count,
});
