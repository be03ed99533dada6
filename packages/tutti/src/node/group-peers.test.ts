import type { MembershipStatus } from '@tutti/consensus';
import { incarnation, logIndex, nodeId, type PeerAddress, silentLogger, VirtualClock } from '@tutti/kernel';
import { createMemoryNetwork } from '@tutti/transport/memory';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { contactOf, GroupPeers } from './group-peers.ts';

const address = (name: string, port = 1): PeerAddress => ({
  nodeId: nodeId(name),
  url: `ws://127.0.0.1:${port}`,
  publicKey: 'ab'.repeat(32),
});

function configuration(
  voters: readonly string[],
  contacts: Readonly<Record<string, string>> = {},
  isCommitted = true,
): MembershipStatus {
  return {
    voters: voters.map((name) => nodeId(name)),
    learners: [],
    outgoing: [],
    promotable: [],
    contacts,
    index: logIndex(1),
    isJoint: false,
    isCommitted,
    standing: 'voter',
  };
}

let clock: VirtualClock;
let peers: GroupPeers;
let linked: Map<string, string>;
beforeEach(() => {
  clock = new VirtualClock();
  linked = new Map();
  const transport = createMemoryNetwork({ clock }).transport({
    nodeId: nodeId('n1'),
    incarnation: incarnation(1),
  });
  vi.spyOn(transport, 'addPeer').mockImplementation(({ nodeId: node, url }) => void linked.set(node, url));
  vi.spyOn(transport, 'removePeer').mockImplementation((node) => void linked.delete(node));
  peers = new GroupPeers(transport, clock, silentLogger);
});

describe('the links of a node', () => {
  it('follow the contacts of members, also of a configuration that is not committed, and never lead to itself', () => {
    const contacts = { n1: contactOf(address('n1')), n4: contactOf(address('n4', 4)) };
    peers.follow(configuration(['n1', 'n4'], contacts, false));
    expect([...linked]).toEqual([['n4', 'ws://127.0.0.1:4']]);
    peers.follow(configuration(['n1', 'n4'], { n4: contactOf(address('n4', 5)) }));
    expect([...linked]).toEqual([['n4', 'ws://127.0.0.1:5']]);
  });

  it('stay with the address that was given, however old the configuration is', () => {
    peers.give([address('n2', 2)]);
    peers.follow(configuration(['n1', 'n2'], { n2: contactOf(address('n2', 99)) }));
    expect(linked.get('n2')).toBe('ws://127.0.0.1:2');
  });

  it('are dropped some time after a node has left, so that it can be told, and not when it comes back before', () => {
    peers.give([address('n2'), address('n3')]);
    peers.follow(configuration(['n1', 'n2', 'n3']));
    peers.follow(configuration(['n1']));
    expect([...linked.keys()]).toEqual(['n2', 'n3']);
    clock.advance(10_000);
    peers.follow(configuration(['n1', 'n3']));
    clock.advance(60_000);
    expect([...linked.keys()]).toEqual(['n3']);
  });

  it('are looked up again for a founder that left and came back somewhere else', () => {
    peers.give([address('n2', 2)]);
    peers.follow(configuration(['n1', 'n2']));
    peers.follow(configuration(['n1']));
    clock.advance(60_000);
    peers.follow(configuration(['n1', 'n2'], { n2: contactOf(address('n2', 7)) }));
    expect(linked.get('n2')).toBe('ws://127.0.0.1:7');
  });

  it('are kept while the configuration without a node may be taken back, and dropped when the one with it was', () => {
    peers.follow(configuration(['n1', 'n4'], { n4: contactOf(address('n4')) }));
    peers.follow(configuration(['n1'], {}, false));
    clock.advance(60_000);
    expect([...linked.keys()]).toEqual(['n4']);
    peers.follow(configuration(['n1', 'n4', 'n5'], { n5: contactOf(address('n5')) }, false));
    peers.follow(configuration(['n1', 'n4']));
    clock.advance(60_000);
    expect([...linked.keys()]).toEqual(['n4']);
  });

  it('to a peer that was given and never was a member are kept', () => {
    peers.give([address('n9')]);
    peers.follow(configuration(['n1', 'n2']));
    peers.follow(configuration(['n1']));
    clock.advance(60_000);
    expect([...linked.keys()]).toEqual(['n9']);
  });

  it.each(['', 'ws://n4', '{}', '{"url":"http://n4","publicKey":"ab"}', 'null'])(
    'are not made to the contact %j, which is none',
    (contact) => {
      peers.follow(configuration(['n1', 'n4'], { n4: contact }));
      expect([...linked]).toEqual([]);
    },
  );

  it('are let alone once the node has stopped', () => {
    peers.give([address('n2')]);
    peers.follow(configuration(['n1', 'n2']));
    peers.follow(configuration(['n1']));
    peers.close();
    clock.advance(60_000);
    expect([...linked.keys()]).toEqual(['n2']);
  });
});
