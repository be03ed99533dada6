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
    store: isFlushedOneByOne ? withoutGroupCommit(store) : store,
    codec: msgpackCodec,
    config,
  });
  replica.register(module);
  await transport.open();
  const address = { nodeId: self.nodeId, url: transport.address(), publicKey: keys.publicKey };
  return { replica, transport, address };
}

/** An ablation: a flush for each entry, where the store would have had one for all that came together. */
function withoutGroupCommit(store: LogStore): LogStore {
  const append = store.append.bind(store);
  store.append = ({ hardState, entries }, done) => {
    const [first, ...others] = entries;
    if (!first) return append({ hardState, entries }, done);
    let left = entries.length;
    const written = (failure: Error | undefined) => {
      if (failure) return done(failure);
      if (--left === 0) done(undefined);
    };
    append({ hardState, entries: [first] }, written);
    for (const entry of others) append({ hardState: undefined, entries: [entry] }, written);
  };
  return store;
}

export async function startVoter(
  { transport, replica }: VoterNode,
  peers: readonly PeerAddress[],
): Promise<void> {
  for (const peer of peers) transport.addPeer(peer);
  await replica.start();
}
