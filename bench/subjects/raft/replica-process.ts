// One voter of a replicated log in a process of its own, with the clients that load it.
import { Replica, type ReplicaConfig } from '@tutti/consensus';
import { createFileLogStore } from '@tutti/consensus/file';
import {
  clusterId,
  incarnation,
  nodeId,
  type PeerAddress,
  seededRandom,
  silentLogger,
  systemClock,
  type WireValue,
} from '@tutti/kernel';
import {
  createWsTransport,
  generateKeyPair,
  type KeyPair,
  msgpackCodec,
  type WsTransport,
} from '@tutti/transport';
import { serve, sharedNowMs } from '../../harness/fleet-member.ts';
import { closedLoop } from '../../harness/load.ts';
import type { LoadAnswer, LoadRequest, VoterConfig } from './voter.ts';

const CLUSTER = clusterId('bench');
/** Counts commands and sums their bytes: what must be in the state of every voter at the end. */
const ledger = { commands: 0, bytes: 0 };

let replica: Replica | undefined;
let transport: WsTransport | undefined;

function open({ name, voters, directory, life, port, keys, config }: VoterConfig): Promise<PeerAddress> {
  const self = { nodeId: nodeId(name), incarnation: incarnation(life) };
  const random = seededRandom(process.pid);
  const own = createWsTransport({
    clusterId: CLUSTER,
    self,
    keys,
    listen: { host: '127.0.0.1', port },
    clock: systemClock,
    random: random.fork('transport'),
    logger: silentLogger,
  });
  transport = own;
  replica = makeReplica(self.nodeId, life, voters, own, directory, config);
  return own.open().then(() => ({ nodeId: self.nodeId, url: own.address(), publicKey: keys.publicKey }));
}

function makeReplica(
  id: ReturnType<typeof nodeId>,
  life: number,
  voters: readonly string[],
  transport: WsTransport,
  directory: string,
  config: ReplicaConfig,
): Replica {
  const made = new Replica({
    clusterId: CLUSTER,
    nodeId: id,
    incarnation: incarnation(life),
    voters: voters.map(nodeId),
    clock: systemClock,
    random: seededRandom(process.pid * 7 + life),
    transport,
    store: createFileLogStore({ directory, clusterId: CLUSTER, nodeId: id }),
    codec: msgpackCodec,
    config,
  });
  made.register({
    name: 'ledger',
    apply(command: WireValue) {
      ledger.commands++;
      ledger.bytes += (command as Uint8Array).length;
      return ledger.commands;
    },
    snapshot: () => [{ ...ledger }],
    restore: ([saved]) => void Object.assign(ledger, saved),
  });
  return made;
}

async function load({ what, clients, warmUpMs, durationMs, bytes }: LoadRequest): Promise<LoadAnswer> {
  const own = replica!;
  const payload = new Uint8Array(bytes).fill(7);
  let acknowledged = 0;
  const request = (done: (failure?: Error) => void) => {
    const ended = (failure: Error | undefined) => {
      if (!failure) acknowledged++;
      done(failure);
    };
    if (what === 'writes') own.proposeWith('ledger', payload, undefined, ended);
    else own.readBarrierWith(undefined, ended);
  };
  const before = own.stats();
  const counts = { flushes: before.flushes, flushedEntries: before.flushedEntries };
  const { perS, latencies } = await closedLoop({ clients, warmUpMs, durationMs }, request);
  const after = own.stats();
  const entriesPerFlush =
    (after.flushedEntries - counts.flushedEntries) / Math.max(1, after.flushes - counts.flushes);
  return { perS, latencies: latencies.pack(), acknowledged, entriesPerFlush };
}

/** Proposes without pause until one that was proposed after `afterMs` is committed; gives when that was. */
async function nextCommit(afterMs: number): Promise<number> {
  for (;;) {
    const proposedAt = sharedNowMs();
    try {
      await replica!.propose('ledger', new Uint8Array(256), { timeoutMs: 10_000 });
      if (proposedAt > afterMs) return sharedNowMs();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

serve({
  open,
  keys: (): KeyPair => generateKeyPair(),
  start: async (peers: readonly PeerAddress[]) => {
    for (const peer of peers) transport!.addPeer(peer);
    await replica!.start();
  },
  status: () => replica!.status(),
  load,
  nextCommit,
  ledger: async () => {
    await replica!.readBarrier();
    return { ...ledger };
  },
});
