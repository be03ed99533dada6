import { incarnation, nodeId, type PeerIdentity, silentLogger, type Transport } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { createTestSystem } from '../testing/test-system.ts';
import { Courier } from './courier.ts';

test('the asks to a node that is lost fail in order and in slices, so that their failure holds up nobody', () => {
  const { system, clock, advance } = createTestSystem();
  const peer = { nodeId: nodeId('n2'), incarnation: incarnation(1) } as PeerIdentity;
  const transport: Partial<Transport> = {
    onMessage: () => () => {},
    linked: () => [peer],
    send: () => 'queued',
  };
  const courier = new Courier({
    system,
    transport: transport as Transport,
    clock,
    logger: silentLogger,
    asksMax: 1_000,
  });
  const failed: number[] = [];
  for (let i = 0; i < 1_000; i++) {
    const target = { reply: () => {}, fail: () => failed.push(i) };
    courier.post(peer, { address: 'a', event: { type: 'x' }, target, deadline: Infinity, hops: 0, epoch: 0 });
  }
  const turns: number[] = [];
  const nextTurn = clock.nextTurn.bind(clock);
  clock.nextTurn = (action) =>
    nextTurn(() => {
      action();
      turns.push(failed.length);
    });
  courier.nodeGone(peer);
  expect([failed.length, courier.openAsks]).toEqual([256, 0]);
  advance();
  expect(turns).toEqual([512, 768, 1_000]);
  expect(failed).toEqual(Array.from({ length: 1_000 }, (_, at) => at));
});
