import { incarnation, nodeId, runVirtual, seededRandom, silentLogger, VirtualClock } from '@tutti/kernel';
import { describe, expect, it } from 'vitest';
import type { TransportLimits } from '../codec/limits.ts';
import { transportSuite } from '../testing/transport-suite.ts';
import type { TransportWorld, WorldNode } from '../testing/transport-world.ts';
import { createMemoryNetwork } from './memory-network.ts';

function memoryWorld(): TransportWorld {
  const clock = new VirtualClock();
  const network = createMemoryNetwork({ clock, latencyMs: { minMs: 0, maxMs: 2 }, random: seededRandom(7) });
  return {
    async start(options): Promise<WorldNode> {
      const transport = network.transport(options);
      await transport.open();
      return { transport, address: network.address(options.nodeId) };
    },
    async until(condition) {
      await runVirtual(clock, condition);
      expect(condition()).toBe(true);
    },
    changed() {},
    breakLink: (a, b) => network.reset(a.address.nodeId, b.address.nodeId),
    kill: (node) => network.crash(node.address.nodeId),
    async dispose() {},
  };
}

transportSuite('memory', async () => memoryWorld());

const [A, B] = [nodeId('a'), nodeId('b')];

async function linkedPair(limits: Partial<TransportLimits> = {}) {
  const clock = new VirtualClock();
  const network = createMemoryNetwork({ clock, silenceMs: 1_000 });
  const log: string[] = [];
  const make = async (id: typeof A) => {
    const transport = network.transport({
      nodeId: id,
      incarnation: incarnation(1),
      logger: silentLogger,
      limits,
    });
    transport.onMessage(40, (from, message) =>
      log.push(`${clock.now()} ${id} got ${String(message)} of ${from.nodeId}`),
    );
    transport.onLink({
      linkUp: (peer) => log.push(`${clock.now()} ${id} up ${peer.nodeId}`),
      linkDown: (peer, reason) => log.push(`${clock.now()} ${id} down ${peer.nodeId}: ${reason}`),
    });
    await transport.open();
    return transport;
  };
  const [a, b] = [await make(A), await make(B)];
  a.addPeer(network.address(B));
  b.addPeer(network.address(A));
  clock.advance(10);
  log.length = 0;
  return { clock, network, a, b, log };
}

describe('a memory network', () => {
  it('holds what a cut catches and delivers it in order if the cut heals before the silence is noticed', async () => {
    const { clock, network, a, log } = await linkedPair();
    network.cut(A, B);
    a.send(B, 40, 1);
    clock.advance(500);
    a.send(B, 40, 2);
    network.heal(A, B);
    clock.advance(10);
    expect(log).toEqual(['510 b got 1 of a', '510 b got 2 of a']);
  });

  it('loses what a cut catches when it lasts, takes both ends down, and links again once healed', async () => {
    const { clock, network, a, log } = await linkedPair();
    network.cut(A, B);
    a.send(B, 40, 'lost');
    clock.advance(5_000);
    network.heal();
    clock.advance(10);
    expect(a.send(B, 40, 'kept')).toBe('queued');
    clock.advance(10);
    expect(log).toEqual([
      '1010 a down b: the peer is silent',
      '1010 b down a: the peer is silent',
      '5011 b up a',
      '5011 a up b',
      '5020 b got kept of a',
    ]);
  });

  it('cuts one direction and leaves the other until the silence is noticed', async () => {
    const { clock, network, a, b, log } = await linkedPair();
    network.cut(A, B, { oneWay: true });
    a.send(B, 40, 'swallowed');
    b.send(A, 40, 'passes');
    clock.advance(100);
    expect(log).toEqual(['10 a got passes of b']);
    clock.advance(1_000);
    expect(log.slice(1)).toEqual(['1010 a down b: the peer is silent', '1010 b down a: the peer is silent']);
  });

  it('holds no more frames in flight than the lane allows messages, and loses none', async () => {
    const { clock, network, a, log } = await linkedPair({ laneMessagesMax: 2 });
    network.delay(A, B, 100);
    for (let turn = 0; turn < 4; turn++) {
      expect(a.send(B, 40, turn)).toBe('queued');
      clock.advance(1);
    }
    expect(a.send(B, 40, 'no room')).toBe('full');
    clock.advance(500);
    expect(log.map((line) => line.split(' ')[3])).toEqual(['0', '1', '2', '3']);
  });

  it('flushes the control lane before bulk of the same turn', async () => {
    const { clock, a, log } = await linkedPair();
    a.send(B, 40, 'bulk', 'bulk');
    a.send(B, 40, 'control', 'control');
    clock.advance(1);
    expect(log).toEqual(['10 b got control of a', '10 b got bulk of a']);
  });

  it('delays one direction and keeps its order', async () => {
    const { clock, network, a, b, log } = await linkedPair();
    network.delay(A, B, 30);
    a.send(B, 40, 'slow');
    b.send(A, 40, 'fast');
    clock.advance(5);
    network.delay(A, B, 0);
    a.send(B, 40, 'after slow');
    clock.advance(50);
    expect(log).toEqual(['10 a got fast of b', '40 b got slow of a', '40 b got after slow of a']);
  });

  it('lets a crashed node say and hear nothing more', async () => {
    const { clock, network, a, b, log } = await linkedPair();
    b.send(A, 40, 'not sent yet when b died');
    b.send(B, 40, 'to itself');
    network.crash(B);
    clock.advance(10);
    expect(log).toEqual(['10 a down b: the connection was reset']);
    expect(a.send(B, 40, 'x')).toBe('no-link');
    expect(b.send(A, 40, 'x')).toBe('no-link');
  });

  it('gives the same run for the same seed', async () => {
    const run = async (seed: number) => {
      const clock = new VirtualClock();
      const network = createMemoryNetwork({
        clock,
        latencyMs: { minMs: 1, maxMs: 90 },
        random: seededRandom(seed),
      });
      const log: string[] = [];
      const nodes = ['a', 'b', 'c'].map((id) =>
        network.transport({ nodeId: nodeId(id), incarnation: incarnation(1) }),
      );
      for (const node of nodes) {
        await node.open();
        node.onMessage(40, (from) => log.push(`${clock.now()} ${from.nodeId}>${node.self.nodeId}`));
        for (const other of nodes) node.addPeer(network.address(other.self.nodeId));
      }
      clock.advance(10);
      for (const from of nodes) for (const to of nodes) from.send(to.self.nodeId, 40, 1);
      clock.advance(200);
      return log;
    };
    expect(await run(1)).toEqual(await run(1));
    expect(await run(1)).toHaveLength(9);
    expect(await run(1)).not.toEqual(await run(2));
  });
});
