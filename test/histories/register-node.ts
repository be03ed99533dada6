// One of the five: a voter with its log in files and its links over sockets, in a process of its own, that does for
// clients elsewhere what they ask for.
import { type ConsensusStatus, Replica, type ReplicaConfig } from '@tutti/consensus';
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
import { createWsTransport, type KeyPair, msgpackCodec, type WsTransport } from '@tutti/transport';
import { serve } from '../../bench/harness/fleet-member.ts';
import { operate, type Request } from './operating.ts';
import { RegisterModule, type RegisterRecord } from './register-module.ts';

/** What a node is told first. */
export interface NodeConfig {
  readonly name: string;
  readonly voters: readonly string[];
  readonly directory: string;
  /** Which life of the node this is, from 1. */
  readonly life: number;
  readonly seed: number;
  readonly keys: KeyPair;
  readonly replica: ReplicaConfig;
}

/** Who is to vote, and who is to listen only. */
export interface Members {
  readonly voters: readonly string[];
  readonly learners: readonly string[];
}

const CLUSTER = clusterId('histories');
const CHANGE_TIMEOUT_MS = 3_000;
const registers = new RegisterModule();
let replica: Replica | undefined;
let transport: WsTransport | undefined;

async function open(config: NodeConfig): Promise<PeerAddress> {
  const { name, voters, directory, life, keys } = config;
  const self = { nodeId: nodeId(name), incarnation: incarnation(life) };
  const random = seededRandom(config.seed * 64 + life).fork(name);
  transport = createWsTransport({
    clusterId: CLUSTER,
    self,
    keys,
    listen: { host: '127.0.0.1', port: 0 },
    clock: systemClock,
    random: random.fork('transport'),
    logger: silentLogger,
  });
  replica = new Replica({
    ...self,
    clusterId: CLUSTER,
    voters: voters.map(nodeId),
    clock: systemClock,
    random,
    transport,
    store: createFileLogStore({ directory, clusterId: CLUSTER, nodeId: self.nodeId }),
    codec: msgpackCodec,
    config: config.replica,
  });
  replica.register(registers);
  await transport.open();
  return { nodeId: self.nodeId, url: transport.address(), publicKey: keys.publicKey };
}

serve({
  open,
  start: async (peers: readonly PeerAddress[]) => {
    for (const peer of peers) transport!.addPeer(peer);
    await replica!.start();
  },
  operate: (request: Request) => operate(replica!, registers, request),
  /** Stands still as user code would that computes: nothing of this process runs meanwhile. */
  block: (durationMs: number): number => {
    const until = performance.now() + durationMs;
    while (performance.now() < until);
    return durationMs;
  },
  status: (): ConsensusStatus => replica!.status(),
  change: async ({ voters, learners }: Members) => {
    const members = (names: readonly string[]) => names.map((name) => ({ node: nodeId(name) }));
    await replica!.changeMembership(
      { voters: members(voters), learners: members(learners) },
      { timeoutMs: CHANGE_TIMEOUT_MS },
    );
  },
  transfer: (target: string) => replica!.transferLeadership(nodeId(target)),
  records: async (): Promise<RegisterRecord[]> => {
    await replica!.readBarrier();
    return registers.records();
  },
});
