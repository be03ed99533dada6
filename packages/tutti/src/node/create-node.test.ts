import { isTuttiError, nodeId } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import { createNode, type NodeOptions } from './create-node.ts';

const listen = { port: 0 };
const peer = (name: string) => ({
  nodeId: nodeId(name),
  url: 'ws://127.0.0.1:1',
  publicKey: '00'.repeat(32),
});

function refusalOf(options: NodeOptions): unknown {
  try {
    createNode(options);
    return undefined;
  } catch (thrown) {
    return isTuttiError(thrown, 'TUTTI_CONFIG_INVALID') ? thrown.message : thrown;
  }
}

describe('making a node', () => {
  it('is refused when it is not said who votes: each node would be a majority of its own', () => {
    const peers = () => Promise.resolve([peer('n2'), peer('n3')]);
    expect(refusalOf({ name: 'n1', listen, peers })).toMatch(/who votes/);
    expect(refusalOf({ name: 'n1', listen, peers, voters: ['n1', 'n2', 'n3'] })).toBeUndefined();
  });

  it('is refused when it is no voter itself, or a voter is named twice: its majority would not be that of the others', () => {
    expect(refusalOf({ name: 'n1', listen, peers: [peer('n2')], voters: ['n2', 'n3'] })).toMatch(
      /n1 is not among/,
    );
    expect(refusalOf({ name: 'n1', listen, peers: [peer('n1'), peer('n2'), peer('n3')] })).toMatch(/twice/);
  });

  it('is refused when it is to join and is told who votes: it would begin a group of its own', () => {
    const peers = [peer('n1')];
    expect(refusalOf({ name: 'n2', listen, peers, joins: true, voters: ['n2'] })).toMatch(/begins no group/);
    expect(refusalOf({ name: 'n2', listen, peers, joins: true })).toBeUndefined();
    expect(refusalOf({ name: 'n2', joins: true })).toMatchObject({ code: 'TUTTI_NODE_NEEDS_LISTEN' });
  });
});
