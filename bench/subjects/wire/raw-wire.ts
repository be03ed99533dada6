import { connect } from 'node:net';
import { Ring } from '@tutti/kernel';
import { Packr } from 'msgpackr';
import { WebSocket } from 'ws';
import type { Measurement, Sizes } from '../../harness/case.ts';
import { FleetProcess } from '../../harness/fleet.ts';
import { Histogram } from '../../harness/histogram.ts';
import { openLoop } from '../../harness/load.ts';
import { inMicroseconds } from './microseconds.ts';
import { NOTE } from './note.ts';
import { measureStream } from './stream.ts';

const PEER = new URL('./raw-peer.ts', import.meta.url);

async function open(peer: FleetProcess, path: string): Promise<WebSocket> {
  const port = await peer.call<number>('frames');
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { perMessageDeflate: false });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return socket;
}

/** Frames of 256 messages, packed and unpacked, and nothing else: no order to keep, no bound, no receiver to find. */
export async function oneWay(sizes: Sizes): Promise<Measurement> {
  const peer = new FleetProcess(PEER);
  const socket = await open(peer, '/count');
  const packr = new Packr();
  let received = 0;
  peer.onCount('received', (count) => (received = count));
  return await measureStream(sizes, {
    send: (count) => socket.send(packr.pack(Array.from({ length: count }, () => NOTE))),
    received: () => received,
    count: () => peer.call<number>('count'),
  });
}

export async function wsRoundTrip({ trips }: Sizes): Promise<Measurement> {
  const peer = new FleetProcess(PEER);
  const socket = await open(peer, '/echo');
  const frame = new Packr().pack(NOTE);
  let back: () => void = () => {};
  socket.on('message', () => back());
  return await measureTrips(trips!, (done) => {
    back = done;
    socket.send(frame);
  });
}

/** The same echo under a load that does not wait for answers: what the machine makes of such a load by itself. */
export async function wsAtLoad({ ratePerS, warmUpMs, durationMs }: Sizes): Promise<Measurement> {
  const peer = new FleetProcess(PEER);
  const socket = await open(peer, '/echo');
  const frame = new Packr().pack(NOTE);
  const waiting = new Ring<() => void>(ratePerS! * PATIENCE_S);
  socket.on('message', () => waiting.shift()?.());
  const request = (done: () => void) => {
    if (!waiting.push(done)) throw new Error('the echo is too far behind');
    socket.send(frame);
  };
  await openLoop(ratePerS!, warmUpMs!, request);
  const { latencies, offered } = await openLoop(ratePerS!, durationMs!, request);
  return {
    figures: {},
    histograms: { trip: inMicroseconds(latencies) },
    verified: `${offered} came back`,
  };
}

/** Frames under way are bounded by those of so many seconds. */
const PATIENCE_S = 10;

export async function tcpRoundTrip({ trips }: Sizes): Promise<Measurement> {
  const peer = new FleetProcess(PEER);
  const port = await peer.call<number>('tcpEcho');
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const bytes = Buffer.alloc(100);
  let missing = 0;
  let back: () => void = () => {};
  socket.on('data', (chunk) => {
    missing -= chunk.length;
    if (missing === 0) back();
  });
  return await measureTrips(trips!, (done) => {
    back = done;
    missing = bytes.length;
    socket.write(bytes);
  });
}

/** One after the other; the first tenth is warm-up. */
async function measureTrips(trips: number, trip: (done: () => void) => void): Promise<Measurement> {
  const latency = new Histogram();
  for (let i = -Math.ceil(trips / 10); i < trips; i++) {
    const start = performance.now();
    await new Promise<void>(trip);
    if (i >= 0) latency.record((performance.now() - start) * 1_000);
  }
  return { figures: {}, histograms: { trip: latency.pack() }, verified: `${latency.count} came back` };
}
