import { CHANNEL, nodeId, VirtualClock, type WireValue } from '@tutti/kernel';
import { GroupLinks } from '../../packages/consensus/src/groups/group-transport.ts';
import { VirtualNetwork } from '../../packages/consensus/src/replica/testing/virtual-network.ts';
import { CONSENSUS_SAMPLES_OF_1, type ConsensusSample } from './raft-messages.ts';

const from = nodeId('n1');
const to = nodeId('n2');
const GROUPS = ['orders', 'users'];

const messageOf = (name: string): WireValue =>
  CONSENSUS_SAMPLES_OF_1.find((sample) => sample.name === name)!.message;
const heartbeat = messageOf('consensus 4 heartbeat');
const append = messageOf('consensus 2 appendEntries');
const offer = messageOf('quiet offer');

/** The one message that the groups of a node make of what they say to a peer in one turn. */
function said(speak: (links: GroupLinks) => void): WireValue {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  let only: WireValue;
  network.drops = (_from, _to, message) => {
    if (only !== undefined) throw new Error('one message for all that is said in a turn');
    only = message;
    return true;
  };
  network.attach(to);
  speak(new GroupLinks(network.attach(from), clock, () => {}));
  clock.advance(0);
  return only;
}

/** Whom the peer takes for alive, and what its groups are given. */
function heard(message: WireValue): object {
  const clock = new VirtualClock();
  const network = new VirtualNetwork(clock);
  const found = { alive: [] as unknown[], groups: {} as Record<string, unknown> };
  const links = new GroupLinks(network.attach(to), clock, (peer) => found.alive.push(peer.nodeId));
  for (const group of GROUPS)
    links.attach(group).onMessage(CHANNEL.consensus, (_peer, given) => {
      found.groups[group] = given;
    });
  network.repeat(from, to, message);
  return found;
}

const sample = (
  name: string,
  groups: Readonly<Record<string, WireValue>>,
  speak: (links: GroupLinks) => void,
): ConsensusSample => ({
  name: `groups ${name}`,
  channel: CHANNEL.consensus,
  message: said(speak),
  meant: { alive: [from], groups },
  read: heard,
});

/** The messages that the groups of one node have on the channel of consensus in wire version 1. */
export const GROUP_SAMPLES_OF_1: readonly ConsensusSample[] = [
  sample('that speak in one turn', { orders: heartbeat, users: offer }, (links) => {
    links.attach('orders').send(to, CHANNEL.consensus, heartbeat);
    links.attach('users').send(to, CHANNEL.consensus, offer);
  }),
  sample('of which one sends entries', { users: append }, (links) => {
    links.attach('users').send(to, CHANNEL.consensus, append, 'bulk');
  }),
  sample('that say nothing', {}, (links) => links.beat(to)),
];
