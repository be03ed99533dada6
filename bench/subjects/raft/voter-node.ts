import { Replica, type ReplicatedModule } from '@tutti/consensus';
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
import { ablate } from './ablations.ts';
import type { VoterConfig } from './voter.ts';

const CLUSTER = clusterId('bench');

/** A voter that is open and waits to be introduced to the others. */
export interface VoterNode {
  readonly replica: Replica;
  readonly transport: WsTransport;
  readonly address: PeerAddress;
}

export async function openVoter(
  { name, voters, directory, life, port, keys, config, ablation }: VoterConfig,
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
  if (ablation) ablate(ablation, store, transport, directory);
  const replica = new Replica({
    ...self,
    clusterId: CLUSTER,
    voters: voters.map(nodeId),
    clock: systemClock,
    random: seededRandom(process.pid * 7 + life),
    transport,
    store,
    codec: msgpackCodec,
    config,
  });
  replica.register(module);
  await transport.open();
  const address = { nodeId: self.nodeId, url: transport.address(), publicKey: keys.publicKey };
  return { replica, transport, address };
}

export async function startVoter(
  { transport, replica }: VoterNode,
  peers: readonly PeerAddress[],
): Promise<void> {
  for (const peer of peers) transport.addPeer(peer);
  await replica.start();
}
