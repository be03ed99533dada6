import { fdatasync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type LogStore, Replica, type ReplicatedModule } from '@tutti/consensus';
import { createFileLogStore } from '@tutti/consensus/file';
import {
  clusterId,
  incarnation,
  nodeId,
  type PeerAddress,
  seededRandom,
  silentLogger,
  systemClock,
} from '@tutti/kernel';
import { createWsTransport, msgpackCodec, type WsTransport } from '@tutti/transport';
import type { VoterConfig } from './voter.ts';

const CLUSTER = clusterId('bench');

/** A voter that is open and waits to be introduced to the others. */
export interface VoterNode {
  readonly replica: Replica;
  readonly transport: WsTransport;
  readonly address: PeerAddress;
}

export async function openVoter(
  { name, voters, directory, life, port, keys, config, isFlushedOneByOne = false }: VoterConfig,
  module: ReplicatedModule,
): Promise<VoterNode> {
  const self = { nodeId: nodeId(name), incarnation: incarnation(life) };
  const transport = createWsTransport({
    clusterId: CLUSTER,
    self,
    keys,
    listen: { host: '127.0.0.1', port },
    clock: systemClock,
    random: seededRandom(process.pid).fork('transport'),
    logger: silentLogger,
  });
  const store = createFileLogStore({ directory, clusterId: CLUSTER, nodeId: self.nodeId });
  const replica = new Replica({
    ...self,
    clusterId: CLUSTER,
    voters: voters.map(nodeId),
    clock: systemClock,
    random: seededRandom(process.pid * 7 + life),
    transport,
    store: isFlushedOneByOne ? withoutGroupCommit(store, directory) : store,
    codec: msgpackCodec,
    config,
  });
  replica.register(module);
  await transport.open();
  const address = { nodeId: self.nodeId, url: transport.address(), publicKey: keys.publicKey };
  return { replica, transport, address };
}

/**
 * An ablation: a flush for each entry. The store merges what waits, so the flushes that it saves are made up for, one
 * by one, on a file of their own beside the log, before a write is called done.
 */
function withoutGroupCommit(store: LogStore, directory: string): LogStore {
  mkdirSync(directory, { recursive: true });
  const file = openSync(join(directory, 'flushes'), 'w');
  const entry = Buffer.alloc(ENTRY_BYTES);
  const flush = (left: number, done: (failure: Error | undefined) => void): void => {
    if (left <= 0) return done(undefined);
    writeSync(file, entry, 0, ENTRY_BYTES, 0);
    fdatasync(file, (failure) => (failure ? done(failure) : flush(left - 1, done)));
  };
  const append = store.append.bind(store);
  store.append = (write, done) =>
    append(write, (failure) => (failure ? done(failure) : flush(write.entries.length - 1, done)));
  return store;
}

const ENTRY_BYTES = 256;

export async function startVoter(
  { transport, replica }: VoterNode,
  peers: readonly PeerAddress[],
): Promise<void> {
  for (const peer of peers) transport.addPeer(peer);
  await replica.start();
}
