// One voter of a replicated log in a process of its own, with the clients that load it.
import type { ReplicatedModule } from '@tutti/consensus';
import type { PeerAddress, WireValue } from '@tutti/kernel';
import { generateKeyPair, type KeyPair } from '@tutti/transport';
import { processorUs, serve, sharedNowMs } from '../../harness/fleet-member.ts';
import { closedLoop } from '../../harness/load.ts';
import type { LoadAnswer, LoadRequest, VoterConfig } from './voter.ts';
import { openVoter, startVoter, type VoterNode } from './voter-node.ts';

/** Counts commands and sums their bytes: what must be in the state of every voter at the end. */
const ledger = { commands: 0, bytes: 0 };
const module: ReplicatedModule = {
  name: 'ledger',
  apply(command: WireValue) {
    ledger.commands++;
    ledger.bytes += (command as Uint8Array).length;
    return ledger.commands;
  },
  snapshot: () => [{ ...ledger }],
  restore: ([saved]) => void Object.assign(ledger, saved),
};

let voter: VoterNode | undefined;

async function load({ what, clients, warmUpMs, durationMs, bytes }: LoadRequest): Promise<LoadAnswer> {
  const own = voter!.replica;
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
      await voter!.replica.propose('ledger', new Uint8Array(256), { timeoutMs: 10_000 });
      if (proposedAt > afterMs) return sharedNowMs();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

serve({
  open: async (config: VoterConfig) => {
    voter = await openVoter(config, module);
    return voter.address;
  },
  keys: (): KeyPair => generateKeyPair(),
  start: (peers: readonly PeerAddress[]) => startVoter(voter!, peers),
  status: () => voter!.replica.status(),
  load,
  linked: () => voter!.transport.linked().length,
  stages: () => voter!.replica.stages(),
  processorUs,
  nextCommit,
  ledger: async () => {
    await voter!.replica.readBarrier();
    return { ...ledger };
  },
});
