import type { PeerAddress } from '@tutti/kernel';
import type { Ref } from 'tutti';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { FleetProcess } from '../../harness/fleet.ts';
import { openLoop } from '../../harness/load.ts';
import { processorUse } from '../../harness/processor-use.ts';
import { mustEqual } from '../actors/arrivals.ts';
import { inMicroseconds } from './microseconds.ts';
import { NOTE } from './note.ts';
import { pairedNode } from './paired-node.ts';
import { measureStream } from './stream.ts';

async function pair(): Promise<{ readonly peer: FleetProcess; readonly ref: Ref }> {
  const peer = new FleetProcess(new URL('./tutti-peer.ts', import.meta.url));
  const own = pairedNode('a');
  const theirs = await peer.call<PeerAddress>('listen');
  const joined = peer.call('join', await own.address());
  await Promise.all([joined, own.join(theirs)]);
  return { peer, ref: own.node.parts.system.ref(await peer.call<string>('counter')) };
}

export async function oneWay(sizes: Sizes): Promise<Measurement> {
  const { peer, ref } = await pair();
  let received = 0;
  peer.onCount('received', (count) => (received = count));
  return await measureStream(sizes, {
    send(count) {
      for (let i = 0; i < count; i++) ref.send(NOTE);
    },
    received: () => received,
    count: () => peer.call<number>('count'),
  });
}

export async function roundTrip({ ratePerS, warmUpMs, durationMs }: Sizes): Promise<Measurement> {
  const { peer, ref } = await pair();
  const askOnce = async (done: (failure?: Error) => void) => {
    try {
      await ref.ask(NOTE);
    } catch (thrown) {
      return done(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
    done();
  };
  const request = (done: (failure?: Error) => void) => void askOnce(done);
  const warm = await openLoop(ratePerS!, warmUpMs!, request);
  const before = processorUse([process.pid, peer.pid]);
  const { latencies, offered } = await openLoop(ratePerS!, durationMs!, request);
  const after = processorUse([process.pid, peer.pid]);
  const count = await peer.call<number>('count');
  mustEqual('asks counted by the other process', count, warm.offered + offered);
  return {
    figures: before && after ? { wait: (after.waitedUs - before.waitedUs) / durationMs! } : {},
    histograms: { trip: inMicroseconds(latencies) },
    verified: `${offered} asked at ${ratePerS}/s, all answered and counted by the other process`,
  };
}
