import { incarnation, nodeId, type PeerIdentity, silentLogger, type Transport } from '@tutti/kernel';
import { expect, test } from 'vitest';
import { sameLife } from '../sharding/shard-map.ts';
import type { ReplyTarget } from '../system/actor-system.ts';
import { createTestSystem } from '../testing/test-system.ts';
import { Courier } from './courier.ts';
import { type ActorMessage, type Parcel, writeActorMessage } from './parcel.ts';

const peer: PeerIdentity = { nodeId: nodeId('n2'), incarnation: incarnation(1) };
const parcelTo = (address: string, target?: ReplyTarget): Parcel => ({
  address,
  event: { type: 'x' },
  target,
  deadline: Infinity,
  hops: 0,
  epoch: 0,
});

/** A courier with a link to one peer; `arrive` is what that one says. */
function makeCourier(lost: readonly PeerIdentity[] = []) {
  const { system, clock, advance } = createTestSystem();
  const sent: unknown[] = [];
  let arrive: (message: ActorMessage) => void = () => {};
  const transport: Partial<Transport> = {
    self: { nodeId: system.nodeId, incarnation: system.incarnation },
    onMessage: (_channel, handler) => {
      arrive = (message) => handler(peer, writeActorMessage(message));
    },
    linked: () => [peer],
    send: (_to, _channel, message) => {
      sent.push(message);
      return 'queued';
    },
  };
  const courier = new Courier({
    system,
    transport: transport as Transport,
    clock,
    logger: silentLogger,
    asksMax: 1_000,
    isLost: (life) => lost.some((known) => sameLife(known, life)),
  });
  return { system, clock, advance, courier, sent, arrive: (message: ActorMessage) => arrive(message) };
}

test('the asks to a node that is lost fail in order and in slices, so that their failure holds up nobody', () => {
  const { clock, advance, courier } = makeCourier();
  const failed: number[] = [];
  for (let i = 0; i < 1_000; i++) {
    courier.post(peer, parcelTo('a', { reply: () => {}, fail: () => failed.push(i) }));
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

test('nothing goes to a life that was given up, and nothing comes from it: whoever asks there is told', () => {
  const { system, courier, sent, arrive } = makeCourier([peer]);
  const taken: unknown[] = [];
  courier.onParcel((parcel) => taken.push(parcel));
  courier.onSignal((_from, message) => taken.push(message));
  expect(courier.post(peer, parcelTo('a'))).toBe('no-link');
  expect(sent).toEqual([]);
  arrive({ t: 'send', to: 'a', event: { type: 'x' }, hops: 0, epoch: 0 });
  arrive({ t: 'ask', to: 'a', event: { type: 'x' }, hops: 0, epoch: 0, id: 7, ttlMs: 1_000 });
  arrive({ t: 'publish', topic: 'news', event: { type: 'x' } });
  expect(taken).toEqual([]);
  expect(system.deadLetters.counts().unreachable).toBe(2);
  expect(sent).toEqual([
    {
      t: 'fail',
      id: 7,
      life: peer.incarnation,
      error: expect.objectContaining({ code: 'TUTTI_NODE_EVICTED' }),
    },
  ]);
});

test('a life that was given up itself sends nothing any more', () => {
  const lost: PeerIdentity[] = [];
  const { system, courier, sent } = makeCourier(lost);
  expect(courier.post(peer, parcelTo('a'))).toBe('queued');
  lost.push(system);
  expect(courier.post(peer, parcelTo('a'))).toBe('no-link');
  expect(courier.signal(peer.nodeId, { t: 'publish', topic: 'news', event: { type: 'x' } })).toBe('no-link');
  expect(sent).toHaveLength(1);
});
