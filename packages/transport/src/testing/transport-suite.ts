import { clusterId, type Incarnation, incarnation, isTuttiError, type NodeId, nodeId } from '@tutti/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Recorder, type TransportWorld, type WorldNode, type WorldNodeOptions } from './transport-world.ts';

/** What every implementation of the `Transport` port owes, as tests. @param name Which implementation it is. */
export function transportSuite(name: string, makeWorld: () => Promise<TransportWorld>): void {
  describe(`${name} keeps the promises of the transport port`, () => {
    let world: TransportWorld;
    beforeEach(async () => {
      world = await makeWorld();
    });
    afterEach(() => world.dispose());

    const start = (id: string, options: Partial<WorldNodeOptions> = {}) =>
      world.start({ nodeId: nodeId(id), incarnation: incarnation(1), ...options });
    const record = (node: WorldNode) => new Recorder(node, world);

    /** Two nodes that are linked, each with what it sees. */
    async function pair(options: Partial<WorldNodeOptions> = {}) {
      const [a, b] = [await start('a', options), await start('b', options)];
      const [atA, atB] = [record(a), record(b)];
      a.transport.addPeer(b.address);
      b.transport.addPeer(a.address);
      await world.until(() => atA.isLinked && atB.isLinked);
      return { a, b, atA, atB };
    }

    describe('links', () => {
      it('come up on both sides, each with the identity of the other', async () => {
        const { a, b, atA, atB } = await pair();
        expect(atA.links).toEqual(['up b/1']);
        expect(atB.links).toEqual(['up a/1']);
        expect(a.transport.linked()).toEqual([b.transport.self]);
      });

      it('are told at once to a listener that comes late', async () => {
        const { a } = await pair();
        expect(toldLate(a)).toEqual(['b']);
      });

      it('carry a message sent from the listener that is told of them', async () => {
        const [a, b] = [await start('a'), await start('b')];
        const atB = record(b);
        a.transport.onLink({ linkUp: () => void a.transport.send(nodeId('b'), 40, 'first'), linkDown() {} });
        a.transport.addPeer(b.address);
        b.transport.addPeer(a.address);
        await world.until(() => atB.received.length === 1);
        expect(atB.messages).toEqual(['first']);
      });

      it('go down on both sides when a peer is removed, and come up when it is added again', async () => {
        const { a, b, atA, atB } = await pair();
        a.transport.removePeer(nodeId('b'));
        expect(a.transport.linked()).toEqual([]);
        expect(atA.send(b, 'x')).toBe('no-link');
        await world.until(() => !atB.isLinked);
        a.transport.addPeer(b.address);
        await world.until(() => atA.isLinked && atB.isLinked);
        expect(atA.links).toEqual(['up b/1', 'down b/1', 'up b/1']);
        expect(atB.links).toEqual(['up a/1', 'down a/1', 'up a/1']);
      });

      it('go to the new incarnation after a restart, and up and down alternate', async () => {
        const { b, a, atA } = await pair();
        let running = b;
        for (let life = 2; life <= 4; life++) {
          world.kill(running);
          const next = await start('b', { incarnation: incarnation(life) });
          const atNext = record(next);
          next.transport.addPeer(a.address);
          await world.until(() => a.transport.linked()[0]?.incarnation === life && atNext.isLinked);
          running = next;
          expect(atA.send(next, `to life ${life}`)).toBe('queued');
          await world.until(() => atNext.received.length === 1);
          expect(atNext.messages).toEqual([`to life ${life}`]);
        }
        expect(atA.links).toEqual([
          'up b/1',
          'down b/1',
          'up b/2',
          'down b/2',
          'up b/3',
          'down b/3',
          'up b/4',
        ]);
      });

      it('are refused to an older incarnation than the one seen last', async () => {
        const { a, b, atA } = await pair();
        world.kill(b);
        const newer = await start('b', { incarnation: incarnation(3) });
        newer.transport.addPeer(a.address);
        await world.until(() => a.transport.linked()[0]?.incarnation === (3 as Incarnation));
        world.kill(newer);
        const older = await start('b', { incarnation: incarnation(2) });
        older.transport.addPeer(a.address);
        await world.until(() => atA.rejected('TUTTI_PEER_STALE') > 0);
        expect(a.transport.linked()).toEqual([]);
      });
    });

    describe('messages', () => {
      it('keep their order within each lane, in both directions at once', async () => {
        const { a, b, atA, atB } = await pair();
        const numbers = Array.from({ length: 2_000 }, (_, i) => i);
        for (const n of numbers) {
          expect(atA.send(b, ['bulk', n], 'bulk')).toBe('queued');
          expect(atA.send(b, ['control', n], 'control')).toBe('queued');
          expect(atB.send(a, ['bulk', n])).toBe('queued');
        }
        await world.until(() => atB.received.length === 4_000 && atA.received.length === 2_000);
        const lane = (name: string) =>
          (atB.messages as [string, number][]).filter(([of]) => of === name).map(([, n]) => n);
        expect(lane('bulk')).toEqual(numbers);
        expect(lane('control')).toEqual(numbers);
        expect(atA.messages).toEqual(numbers.map((n) => ['bulk', n]));
        expect(atB.received[0]!.from).toEqual(a.transport.self);
      });

      it('on the control lane overtake bulk that was sent before them', async () => {
        const { b, atA, atB } = await pair();
        const kilobyte = 'x'.repeat(1024);
        for (let i = 0; i < 8_000; i++) atA.send(b, kilobyte, 'bulk');
        atA.send(b, 'urgent', 'control');
        await world.until(() => atB.received.length === 8_001);
        expect(atB.messages.indexOf('urgent')).toBeLessThan(8_000);
      });

      it('arrive as they left', async () => {
        const { b, atA, atB } = await pair();
        const values = [
          null,
          true,
          -1.5,
          2 ** 40,
          -(2 ** 52),
          2n ** 63n,
          -(2n ** 63n),
          '',
          'größer ✓ 🎼',
          [],
          {},
          [[['deep']]],
          { id: 1, nested: { list: [1, 2, { three: 3 }], nothing: null } },
          'long '.repeat(20_000),
        ];
        for (const value of values) expect(atA.send(b, value)).toBe('queued');
        expect(atA.send(b, { bytes: Uint8Array.of(1, 2, 255) })).toBe('queued');
        await world.until(() => atB.received.length === values.length + 1);
        expect(atB.messages.slice(0, -1)).toEqual(values);
        const { bytes } = atB.messages.at(-1) as { bytes: Uint8Array };
        expect(bytes).toBeInstanceOf(Uint8Array);
        expect([...bytes]).toEqual([1, 2, 255]);
      });

      it('are taken before send returns, so the sender may change them', async () => {
        const { b, atA, atB } = await pair();
        const message = { list: [1], bytes: Uint8Array.of(7) };
        atA.send(b, message);
        message.list.push(2);
        message.bytes[0] = 0;
        await world.until(() => atB.received.length === 1);
        const { list, bytes } = atB.messages[0] as typeof message;
        expect([list, [...bytes]]).toEqual([[1], [7]]);
      });

      it('that are not plain data are refused with the place that is not', async () => {
        const { b, atA, atB } = await pair();
        const bad: unknown[] = [
          () => 1,
          Symbol('s'),
          new Map(),
          { a: [{ when: new Error('no') }] },
          2n ** 64n,
        ];
        for (const message of bad) expect(codeOf(() => atA.send(b, message))).toBe('TUTTI_VALUE_NOT_PLAIN');
        expect(() => atA.send(b, bad[3])).toThrow('value.a[0].when: an instance of Error');
        atA.send(b, 'good');
        await world.until(() => atB.received.length === 1);
        expect(atB.messages).toEqual(['good']);
      });

      it('larger than a frame are refused, and the largest that fits arrives', async () => {
        const { a, b, atA, atB } = await pair({
          limits: { frameBytesMax: 128 * 1024, laneBytesMax: 256 * 1024 },
        });
        expect(a.transport.messageBytesMax).toBe(128 * 1024 - 4 - 5); // frame header, message header
        const largest = 'x'.repeat(a.transport.messageBytesMax! - 5); // MessagePack's header of a long text
        expect(codeOf(() => atA.send(b, `${largest}x`))).toBe('TUTTI_FRAME_TOO_LARGE');
        expect(atA.send(b, largest)).toBe('queued');
        await world.until(() => atB.received.length === 1);
        expect(atB.messages[0]).toBe(largest);
      });

      it('beyond the bound of a lane are not taken, are counted, and cost none of the others', async () => {
        const { a, b, atA, atB } = await pair({ limits: { laneMessagesMax: 64 } });
        const outcomes = Array.from({ length: 100 }, (_, i) => atA.send(b, i));
        expect(outcomes.filter((outcome) => outcome === 'full')).toHaveLength(36);
        expect(a.transport.counters().messagesRefused).toBe(36);
        expect(atA.send(b, 'the other lane has room', 'control')).toBe('queued');
        await world.until(() => atB.received.length === 65);
        expect(atA.send(b, 'room again')).toBe('queued');
        await world.until(() => atB.received.length === 66);
        expect(atB.messages.filter((m) => typeof m === 'number')).toHaveLength(64);
      });

      it('for a node without a link are not taken', async () => {
        const { atA } = await pair();
        const stranger = { address: { nodeId: nodeId('z') } } as WorldNode;
        expect(atA.send(stranger, 'x')).toBe('no-link');
      });

      it('to oneself arrive in a later turn, encoded like all others', async () => {
        const a = await start('a');
        const atA = record(a);
        const message = { n: [1] };
        expect(atA.send(a, message)).toBe('queued');
        expect(atA.send(a, 'urgent', 'control')).toBe('queued');
        message.n.push(2);
        expect(atA.received).toEqual([]);
        await world.until(() => atA.received.length === 2);
        expect(atA.messages).toEqual(['urgent', { n: [1] }]);
        expect(codeOf(() => atA.send(a, new Map()))).toBe('TUTTI_VALUE_NOT_PLAIN');
      });

      it('for a channel without a handler are counted', async () => {
        const { a, b, atA, atB } = await pair();
        a.transport.send(nodeId('b'), 99, 'nobody');
        atA.send(b, 'after it');
        await world.until(() => atB.received.length === 1);
        expect(atB.rejected('no-handler')).toBe(1);
      });

      it('survive a handler that throws', async () => {
        const { a, b, atA, atB } = await pair();
        b.transport.onMessage(41, () => {
          throw new Error('planted');
        });
        a.transport.send(nodeId('b'), 41, 'x');
        atA.send(b, 'after it');
        await world.until(() => atB.received.length === 1);
        expect(atB.isLinked).toBe(true);
      });
    });

    it('delivers at most once and in order while the link breaks again and again', async () => {
      const { a, b, atA, atB } = await pair();
      let sent = 0;
      for (let round = 0; round < 8; round++) {
        for (let i = 0; i < 200; i++) if (atA.send(b, sent) === 'queued') sent++;
        if (round % 2 === 0) await world.until(() => atB.received.length > 0);
        world.breakLink(a, b);
        await world.until(() => atA.links.length >= 2 * round + 3 && atA.isLinked && atB.isLinked);
      }
      atA.send(b, 'last');
      await world.until(() => atB.messages.at(-1) === 'last');
      const numbers = atB.messages.slice(0, -1) as number[];
      for (let i = 1; i < numbers.length; i++) expect(numbers[i]).toBeGreaterThan(numbers[i - 1]!);
      for (const { links } of [atA, atB]) {
        links.forEach((event, i) => expect(event.startsWith(i % 2 === 0 ? 'up' : 'down')).toBe(true));
      }
    });

    describe('closing', () => {
      it('sends what is queued first, and tells both sides', async () => {
        const { a, b, atA, atB } = await pair();
        for (let i = 0; i < 3_000; i++) atA.send(b, i);
        const closed = a.transport.close();
        expect(atA.links).toEqual(['up b/1', 'down b/1']);
        expect(atA.send(b, 'too late')).toBe('no-link');
        await world.until(() => !atB.isLinked);
        await closed;
        expect(atB.messages).toEqual(Array.from({ length: 3_000 }, (_, i) => i));
        expect(atB.links).toEqual(['up a/1', 'down a/1']);
      });

      it('ends delivery at once, even within one frame, and may be done twice', async () => {
        const { a, b, atA, atB } = await pair();
        const closings: Promise<void>[] = [];
        b.transport.onMessage(41, () => void closings.push(b.transport.close()));
        atA.send(b, 'before');
        a.transport.send(nodeId('b'), 41, 'close now');
        atA.send(b, 'after');
        b.transport.send(nodeId('b'), 40, 'to itself');
        await world.until(() => closings.length === 1 && !atA.isLinked);
        await Promise.all([...closings, b.transport.close()]);
        expect(atB.messages.filter((message) => message !== 'to itself')).toEqual(['before']);
      });
    });

    describe('refusals', () => {
      async function refused(
        code: string,
        options: Partial<WorldNodeOptions>,
        address?: object,
      ): Promise<void> {
        const [a, b] = [await start('a'), await start('b', options)];
        const [atA, atB] = [record(a), record(b)];
        b.transport.addPeer({ ...a.address, ...address });
        a.transport.addPeer(b.address);
        await world.until(() => atA.rejected(code) > 0 && atB.rejected(code) > 0);
        expect(atA.links).toEqual([]);
        expect(atB.links).toEqual([]);
      }

      it('turn away a node of another cluster, on both sides', () =>
        refused('TUTTI_PEER_WRONG_CLUSTER', { clusterId: clusterId('another') }));

      it('turn away a node whose key is not the one configured', () =>
        refused('TUTTI_PEER_KEY_MISMATCH', {}, { publicKey: 'ab'.repeat(32) }));

      it('turn away a node that shares no wire version', () =>
        refused('TUTTI_PEER_WIRE_VERSION', { wireVersions: { min: 7, max: 9 } }));

      it('turn away a node that was never added, until it is', async () => {
        const [a, b] = [await start('a'), await start('b')];
        const [atA, atB] = [record(a), record(b)];
        a.transport.addPeer(b.address);
        await world.until(() => atB.rejected('TUTTI_PEER_UNKNOWN') > 0);
        expect(atB.links).toEqual([]);
        b.transport.addPeer(a.address);
        await world.until(() => atA.isLinked && atB.isLinked);
      });
    });
  });
}

function toldLate(node: WorldNode): NodeId[] {
  const told: NodeId[] = [];
  node.transport.onLink({ linkUp: (peer) => void told.push(peer.nodeId), linkDown() {} });
  return told;
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (thrown) {
    return isTuttiError(thrown) ? thrown.code : String(thrown);
  }
  return 'nothing was thrown';
}
