import type { AddressInfo } from 'node:net';
import {
  clusterId,
  incarnation,
  type Lane,
  nodeId,
  seededRandom,
  silentLogger,
  systemClock,
} from '@tutti/kernel';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { generateKeyPair } from '../auth/key-pair.ts';
import { FRAME, frameOf } from '../codec/frame.ts';
import { transportLimits, WIRE_VERSIONS } from '../codec/limits.ts';
import type { Handshake } from '../session/handshake.ts';
import { LaneSocket } from './lane-socket.ts';
import { nonce, SessionMaker } from './session-maker.ts';
import { createWsTransport } from './ws-transport.ts';

const keys = { a: generateKeyPair(), b: generateKeyPair() };
const cluster = clusterId('test');

function sessions(id: 'a' | 'b'): SessionMaker {
  const self = { nodeId: nodeId(id), incarnation: incarnation(1) };
  const own = { clusterId: cluster, self, keys: keys[id], wireVersions: WIRE_VERSIONS };
  const peerKey = keys[id === 'a' ? 'b' : 'a'].publicKey;
  return new SessionMaker(own, () => ({ publicKey: peerKey, incarnation: undefined }));
}

/** Runs a handshake over a raw socket; `then` is called once it is established. */
function shake(socket: WebSocket, handshake: Handshake, then: () => void): void {
  const take = (step: ReturnType<Handshake['start']>) => {
    for (const frame of step.send) socket.send(frame);
    if (step.outcome?.kind === 'established') {
      socket.removeAllListeners('message');
      then();
    }
  };
  socket.on('message', (data: Buffer) => take(handshake.receive(data)));
  socket.on('error', () => {});
  take(handshake.start());
}

const closers: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

describe('a lane socket', () => {
  it('keeps frames that come between the end of the handshake and the link, in order', async () => {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    closers.push(() => server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const early = [1, 2, 3].map((n) => frameOf(1, FRAME.data, Uint8Array.of(0, 0, 0, 1, 40, n)));
    server.on('connection', (socket) => {
      shake(socket, sessions('b').accept(), () => {
        for (const frame of early) socket.send(frame);
      });
    });

    const raw = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    closers.push(() => raw.terminate());
    const { promise: firstCame, resolve: onFirst } = Promise.withResolvers<void>();
    const events = { established() {}, refused() {}, closed() {} };
    const deps = { limits: transportLimits(), clock: systemClock, remote: 'b' };
    const lane = new LaneSocket(raw, sessions('a').dial(nodeId('b'), 'control', nonce()), events, deps);
    raw.on('message', (data: Buffer) => data[3] === FRAME.data && onFirst());
    raw.once('open', () => lane.start());
    await firstCame;

    const read: number[] = [];
    await new Promise<void>((resolve) => {
      lane.read({ frame: (bytes) => void (read.push(bytes.at(-1)!) === early.length && resolve()) });
    });
    expect(read).toEqual([1, 2, 3]);
  });
});

describe('an acceptor', () => {
  it('joins two lanes only if they name the same link', async () => {
    const b = createWsTransport({
      clusterId: cluster,
      self: { nodeId: nodeId('b'), incarnation: incarnation(1) },
      keys: keys.b,
      listen: { host: '127.0.0.1', port: 0 },
      clock: systemClock,
      random: seededRandom(1),
      logger: silentLogger,
    });
    closers.push(() => b.close());
    await b.open();
    b.addPeer({ nodeId: nodeId('a'), url: 'ws://127.0.0.1:9', publicKey: keys.a.publicKey });
    const dial = (lane: Lane, link: string) =>
      new Promise<WebSocket>((resolve) => {
        const socket = new WebSocket(b.address());
        closers.push(() => socket.terminate());
        socket.once('open', () => {
          shake(socket, sessions('a').dial(nodeId('b'), lane, link), () => resolve(socket));
        });
      });
    const link = nonce();
    await dial('control', link);
    const stray = await dial('bulk', nonce());
    await new Promise((resolve) => stray.once('close', resolve));
    expect(b.linked()).toEqual([]);
    expect(b.counters().rejected).toEqual({ TUTTI_FRAME_MALFORMED: 1 });

    const up = new Promise((resolve) => b.onLink({ linkUp: resolve, linkDown() {} }));
    await dial('bulk', link);
    expect(await up).toEqual({ nodeId: 'a', incarnation: 1 });
  });
});
