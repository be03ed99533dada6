import type { PeerAddress } from '@tutti/kernel';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { FleetProcess } from '../../harness/fleet.ts';
import { Histogram, type PackedHistogram } from '../../harness/histogram.ts';
import { nextTurn, sleep, within } from '../../harness/load.ts';
import { AUDIENCE, counterOf, type Flown, machineMs } from './flown.ts';
import { pairedNode } from './paired-node.ts';

const PATIENCE_MS = 10_000;
const WARM_UP_SHARE = 10;

/** The four kinds of message between two nodes in two processes, one at a time. */
export async function remoteMessages({ messages }: Sizes): Promise<Measurement> {
  const peer = new FleetProcess(new URL('./messages-peer.ts', import.meta.url));
  const own = pairedNode('a');
  const counter = counterOf(own.node);
  const theirs = await peer.call<PeerAddress>('listen');
  const joined = peer.call('join', await own.address());
  await Promise.all([joined, own.join(theirs)]);
  const addresses = await peer.call<{ listeners: string[]; echo: string }>('addresses');
  const { system } = own.node.parts;
  const listeners = addresses.listeners.map((address) => system.ref<Flown>(address));
  const echo = system.ref(addresses.echo);
  let sent = 0;
  const one = async () => {
    listeners[0]!.send({ type: 'ONE', atMs: machineMs() });
    sent++;
    // A round trip behind it on the same link: the one before has arrived, so each flies alone.
    await echo.ask({ type: 'ASK' });
  };
  const all = async () => {
    const atMs = machineMs();
    listeners.forEach((listener, i) => listener.send({ type: 'ALL', atMs, isLast: i === AUDIENCE - 1 }));
    sent += AUDIENCE;
    await echo.ask({ type: 'ASK' });
  };
  await repeat(messages! / WARM_UP_SHARE, one);
  await repeat(messages! / WARM_UP_SHARE / 10, all);
  await peer.call('forget');
  await repeat(messages!, one);
  await repeat(messages! / 10, all);
  const histograms = {
    ...(await peer.call<Record<'delivery' | 'broadcast', PackedHistogram>>('times')),
    request: await timed(messages!, () => echo.ask({ type: 'ASK' })),
    update: await timed(messages! / 10, () => counter.ask({ type: 'ADD' })),
  };
  await within(PATIENCE_MS, 'every message arrives', untilArrived(peer, sent));
  return { figures: {}, histograms, verified: `${sent} sent, each counted by the other process` };
}

async function repeat(count: number, action: () => Promise<void>): Promise<void> {
  for (let i = 0; i < count; i++) {
    await action();
    await nextTurn();
  }
}

async function timed(count: number, action: () => Promise<unknown>): Promise<PackedHistogram> {
  const latency = new Histogram();
  for (let i = -count / WARM_UP_SHARE; i < count; i++) {
    const start = performance.now();
    await action();
    if (i >= 0) latency.record(performance.now() - start);
  }
  return latency.pack();
}

async function untilArrived(peer: FleetProcess, sent: number): Promise<void> {
  for (;;) {
    const arrived = await peer.call<number>('arrived');
    if (arrived === sent) return;
    if (arrived > sent) throw new Error(`${arrived} arrived of ${sent}`);
    await sleep(5);
  }
}
