import { fork } from 'node:child_process';
import { connect } from 'node:net';
import {
  clusterId,
  incarnation,
  isTuttiError,
  nodeId,
  seededRandom,
  silentLogger,
  systemClock,
} from '@tutti/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { generateKeyPair } from '../auth/key-pair.ts';
import { FRAME, frameOf } from '../codec/frame.ts';
import { transportSuite } from '../testing/transport-suite.ts';
import { Recorder, type WorldNodeOptions } from '../testing/transport-world.ts';
import { WsWorld } from '../testing/ws-world.ts';
import { createWsTransport, type WsTransport } from './ws-transport.ts';

transportSuite('ws', async () => new WsWorld());

describe('a WebSocket transport', () => {
  let world: WsWorld;
  beforeEach(() => {
    world = new WsWorld();
  });
  afterEach(() => world.dispose());

  const start = (id: string, options: Partial<WorldNodeOptions> = {}) =>
    world.start({ nodeId: nodeId(id), incarnation: incarnation(1), ...options });

  async function pair(options: Partial<WorldNodeOptions> = {}) {
    const [a, b] = [await start('a', options), await start('b', options)];
    const [atA, atB] = [new Recorder(a, world), new Recorder(b, world)];
    a.transport.addPeer(b.address);
    b.transport.addPeer(a.address);
    await world.until(() => atA.isLinked && atB.isLinked);
    return { a, b, atA, atB };
  }

  function alone(port: number): WsTransport {
    return createWsTransport({
      clusterId: clusterId('test'),
      self: { nodeId: nodeId('x'), incarnation: incarnation(1) },
      keys: generateKeyPair(),
      listen: { host: '127.0.0.1', port },
      clock: systemClock,
      random: seededRandom(1),
      logger: silentLogger,
    });
  }

  it('says so when its port is in use, with the way out', async () => {
    const first = alone(0);
    await first.open();
    const port = Number(new URL(first.address()).port);
    const error: unknown = await alone(port)
      .open()
      .catch((thrown: unknown) => thrown);
    expect(isTuttiError(error, 'TUTTI_PORT_IN_USE')).toBe(true);
    expect(String(error)).toContain(`${port} on 127.0.0.1`);
    await first.close();
    const again = alone(port);
    await again.open();
    await again.close();
  });

  it('finds a link dead when the peer falls silent and the connection stays open', async () => {
    const { b, atA, atB } = await pair({ limits: { pingIntervalMs: 5, pingsMissedMax: 3 } });
    (await world.place(b.address.nodeId)).relay.freeze();
    await world.until(() => !atA.isLinked && !atB.isLinked);
    expect(atA.links).toEqual(['up b/1', 'down b/1']);
  });

  it('finds a link dead when its bulk lane takes nothing while probes are answered', async () => {
    const limits = { pingIntervalMs: 2, pingsMissedMax: 1_000, laneStallPingsMax: 3, highWaterBytes: 1024 };
    const { b, atA } = await pair({ limits });
    const reasons: string[] = [];
    const { relay } = await world.place(b.address.nodeId);
    atA.transport.onLink({ linkUp() {}, linkDown: (_, reason) => void reasons.push(reason) });
    relay.freezeNewest();
    while (atA.send(b, 'x'.repeat(64 * 1024)) === 'queued');
    await world.until(() => reasons.length > 0);
    expect(reasons).toEqual(['the bulk lane is stuck']);
  });

  it('keeps a quiet link up while probes are answered', async () => {
    const { a, atA } = await pair({ limits: { pingIntervalMs: 1, pingsMissedMax: 2 } });
    const probes = () => a.transport.counters().framesReceived;
    a.transport.onMessage(50, () => world.changed());
    while (probes() < 20) {
      a.transport.send(nodeId('a'), 50, 'a turn');
      await new Promise<void>((resolve) => systemClock.nextTurn(resolve));
    }
    expect(atA.links).toEqual(['up b/1']);
  });

  it('holds bulk back above the high-water mark, and lets it go on', async () => {
    const { a, b, atA, atB } = await pair({
      limits: { highWaterBytes: 64 * 1024, laneBytesMax: 4 * 1024 * 1024 },
    });
    const kilobyte = 'x'.repeat(1024);
    let queued = 0;
    while (atA.send(b, kilobyte) === 'queued') queued++;
    // How much the operating system takes is its own affair; the rest waits in the lane, up to the lane's bound.
    const waiting = queued * 1024 - a.transport.counters().bytesSent;
    expect(waiting).toBeGreaterThan(3.8 * 1024 * 1024);
    expect(waiting).toBeLessThan(4 * 1024 * 1024);
    await world.until(() => atB.received.length === queued);
    expect(atA.send(b, kilobyte)).toBe('queued');
  });

  it('packs the messages of one turn into few frames', async () => {
    const { a, b, atA, atB } = await pair();
    const before = a.transport.counters().framesSent;
    for (let i = 0; i < 1_000; i++) atA.send(b, i);
    await world.until(() => atB.received.length === 1_000);
    expect(a.transport.counters().framesSent - before).toBeLessThan(3);
  });

  /** Speaks to a node with raw frames; resolves when the node has hung up. */
  async function speak(url: string, say: (socket: WebSocket) => void): Promise<Buffer[]> {
    const socket = new WebSocket(url);
    const heard: Buffer[] = [];
    socket.on('message', (data: Buffer) => heard.push(data));
    socket.on('error', () => {});
    socket.on('open', () => say(socket));
    await new Promise<void>((resolve) => socket.on('close', () => resolve()));
    return heard;
  }

  it('turns away what is not a handshake, says why, and counts it', async () => {
    const a = await start('a');
    const atA = new Recorder(a, world);
    const [reject] = await speak(a.address.url, (socket) => socket.send(Buffer.from('GET / or so')));
    expect([...reject!.subarray(0, 4)]).toEqual([0x54, 0x75, 0, FRAME.reject]);
    expect(reject!.toString()).toContain('TUTTI_FRAME_MALFORMED');
    await speak(a.address.url, (socket) => socket.send('text'));
    await speak(a.address.url, (socket) => socket.send(frameOf(0, FRAME.hello, Buffer.from('{}'))));
    expect(atA.rejected('TUTTI_FRAME_MALFORMED')).toBe(3);
  });

  it('lets nobody who is unproven send more than a handshake needs', async () => {
    const a = await start('a');
    const atA = new Recorder(a, world);
    // A message that never ends: nothing but the count of its bytes can catch it.
    await speak(a.address.url, (socket) => socket.send(Buffer.alloc(100 * 1024), { fin: false }));
    expect(atA.rejected('TUTTI_FRAME_TOO_LARGE')).toBe(1);
    expect(a.transport.counters().framesReceived).toBe(0);
  });

  it('hangs up on whoever connects and says nothing', async () => {
    const a = await start('a', { limits: { handshakeTimeoutMs: 20 } });
    const atA = new Recorder(a, world);
    await speak(a.address.url, () => {});
    expect(atA.rejected('TUTTI_HANDSHAKE_TIMEOUT')).toBe(1);
  });

  it('bounds how many connections may be unproven at a time', async () => {
    const a = await start('a', { limits: { handshakesMax: 2 } });
    const atA = new Recorder(a, world);
    const idle = [new WebSocket(a.address.url), new WebSocket(a.address.url)];
    await Promise.all(idle.map((socket) => new Promise((resolve) => socket.on('open', resolve))));
    await speak(a.address.url, () => {});
    expect(atA.rejected('TUTTI_OVERLOADED')).toBe(1);
    for (const socket of idle) socket.terminate();
  });

  /** A plain connection that begins a request and never ends it, and what tells that it was cut. */
  function slowClient(url: string) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    socket.on('error', () => {}).resume();
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ');
    return { socket, closed };
  }

  it('cuts connections that do not get as far as a handshake in time', async () => {
    const a = await start('a', { limits: { handshakeTimeoutMs: 20 } });
    const atA = new Recorder(a, world);
    await slowClient(a.address.url).closed;
    expect(atA.rejected('TUTTI_HANDSHAKE_TIMEOUT')).toBe(1);
  });

  it('bounds how many connections may be on their way to a handshake', async () => {
    const a = await start('a', { limits: { handshakesMax: 2, handshakeTimeoutMs: 60_000 } });
    const atA = new Recorder(a, world);
    const clients = Array.from({ length: 3 }, () => slowClient(a.address.url));
    await Promise.race(clients.map(({ closed }) => closed));
    expect(atA.rejected('TUTTI_OVERLOADED')).toBe(1);
    for (const { socket } of clients) socket.destroy();
  });

  it('closes while a stranger holds a connection open', async () => {
    const a = await start('a', { limits: { handshakesMax: 1, handshakeTimeoutMs: 60_000 } });
    const clients = [slowClient(a.address.url), slowClient(a.address.url)];
    // One of them is turned away: the other has come through to the listener.
    await Promise.race(clients.map(({ closed }) => closed));
    await a.transport.close();
    await Promise.all(clients.map(({ closed }) => closed));
  });

  it('is not disturbed by a plain TCP client', async () => {
    const { a, atA } = await pair();
    const socket = connect(Number(new URL(a.address.url).port), '127.0.0.1');
    await new Promise<void>((resolve) => {
      socket.on('close', () => resolve());
      socket.on('error', () => {});
      socket.end('\0\0\0 not http\r\n\r\n');
      socket.resume();
    });
    expect(atA.isLinked).toBe(true);
  });

  it('learns at once that a process was killed, and links to its next life', async () => {
    const a = await start('b'); // sorts after "a", so the child dials and dials again
    const atA = new Recorder(a, world);
    const keys = generateKeyPair();
    const run = (life: number) =>
      fork(
        new URL('../testing/child-node.ts', import.meta.url),
        [JSON.stringify({ life, keys, peer: a.address })],
        { execArgv: [] },
      );
    a.transport.addPeer({ nodeId: nodeId('a'), url: 'ws://127.0.0.1:9', publicKey: keys.publicKey });
    for (let life = 1; life <= 2; life++) {
      const child = run(life);
      await world.until(() => atA.links.at(-1) === `up a/${life}`);
      child.kill('SIGKILL');
      await world.until(() => atA.links.at(-1) === `down a/${life}`);
    }
    expect(atA.links).toEqual(['up a/1', 'down a/1', 'up a/2', 'down a/2']);
  });
});
