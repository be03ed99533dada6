// One voter of a replicated log in a process of its own, with the clients that load it.
import type { ReplicatedModule } from '@tutti/consensus';
import type { PeerAddress, WireValue } from '@tutti/kernel';
import { generateKeyPair, type KeyPair } from '@tutti/transport';
import { serve, sharedNowMs } from '../../harness/fleet-member.ts';
import type { PackedHistogram } from '../../harness/histogram.ts';
import { atEnds, closedLoop, openLoop } from '../../harness/load.ts';
import type { LoadRequest, OfferRequest, VoterAnswer, VoterConfig } from './voter.ts';
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

type Request = (done: (failure?: Error) => void) => void;

function requestOf(what: LoadRequest['what'], bytes: number, acknowledge: () => void): Request {
  const own = voter!.replica;
  const payload = new Uint8Array(bytes).fill(7);
  return (done) => {
    const ended = (failure: Error | undefined) => {
      if (!failure) acknowledge();
      done(failure);
    };
    if (what === 'writes') own.proposeWith('ledger', payload, undefined, ended);
    else own.readBarrierWith(undefined, ended);
  };
}

async function load({ what, bytes, ...closed }: LoadRequest): Promise<VoterAnswer> {
  const own = voter!;
  let acknowledged = 0;
  const counts = () => {
    const { flushes, flushedEntries } = own.replica.stats();
    return { flushes, flushedEntries, longestMs: own.flushes.takeLongest() };
  };
  const [{ perS, latencies }, [before, after]] = await Promise.all([
    closedLoop(
      closed,
      requestOf(what, bytes, () => acknowledged++),
    ),
    atEnds(closed, counts),
  ]);
  const batch = (after.flushedEntries - before.flushedEntries) / Math.max(1, after.flushes - before.flushes);
  const figures = { batch, 'flush-max': after.longestMs };
  return { perS, latencies: latencies.pack(), acknowledged, figures };
}

async function offer({ ratePerS, durationMs, bytes }: OfferRequest): Promise<PackedHistogram> {
  const { latencies } = await openLoop(
    ratePerS,
    durationMs,
    requestOf('writes', bytes, () => {}),
  );
  return latencies.pack();
}

/** Whether a read is confirmed within so many milliseconds. */
async function isReadConfirmed(timeoutMs: number): Promise<boolean> {
  try {
    await voter!.replica.readBarrier({ timeoutMs });
    return true;
  } catch {
    return false;
  }
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
  offer,
  isReadConfirmed,
  linked: () => voter!.transport.linked().length,
  stages: () => voter!.replica.stages(),
  nextCommit,
  ledger: async () => {
    await voter!.replica.readBarrier();
    return { ...ledger };
  },
});
