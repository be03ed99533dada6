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
import { ablate } from './ablations.ts';
import type { VoterConfig } from './voter.ts';

const CLUSTER = clusterId('bench');

/** A voter that is open and waits to be introduced to the others. */
export interface VoterNode {
  readonly replica: Replica;
  readonly transport: WsTransport;
  readonly address: PeerAddress;
  readonly flushes: Longest;
}

/** The longest of some times, until somebody takes it. */
export class Longest {
  #ms = 0;

  record(ms: number): void {
    this.#ms = Math.max(this.#ms, ms);
  }

  /** The longest since it was last asked for. */
  takeLongest(): number {
    const ms = this.#ms;
    this.#ms = 0;
    return ms;
  }
}

/** Times what a store writes, from when it is handed over until it is durable. */
function timed(store: LogStore): Longest {
  const longest = new Longest();
  const append = store.append.bind(store);
  store.append = (write, done) => {
    const start = performance.now();
    append(write, (failure) => {
      longest.record(performance.now() - start);
      done(failure);
    });
  };
  return longest;
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
  const flushes = timed(store);
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
  return { replica, transport, address, flushes };
}

export async function startVoter(
  { transport, replica }: VoterNode,
  peers: readonly PeerAddress[],
): Promise<void> {
  for (const peer of peers) transport.addPeer(peer);
  await replica.start();
}
