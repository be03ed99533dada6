import { CHANNEL, type Channel, type Incarnation, type NodeId, type WireValue } from '@tutti/kernel';
import { type ActorMessage, writeActorMessage } from '../../packages/runtime/src/cluster/parcel.ts';

/** A message as one node gives it to its transport for another. */
export interface SampleMessage {
  readonly name: string;
  readonly channel: Channel;
  readonly message: WireValue;
}

const life = 7 as Incarnation;
const about = 'n3' as NodeId;
const to = 'entity:cart/alice';
const event = {
  type: 'add',
  item: 'pear',
  price: 1.25,
  tags: ['ripe', null],
  seller: { $ref: 'local:n2/7/shop' },
};
const error = { code: 'TUTTI_EPOCH_STALE', message: 'Shard 3 has moved on', details: { shard: 3, epoch: 4 } };

const actorMessages: readonly ActorMessage[] = [
  { t: 'send', to, event, hops: 1, epoch: 4 },
  { t: 'ask', to, event, hops: 0, epoch: 4, id: 300, ttlMs: 4_999 },
  { t: 'reply', id: 300, life, value: { total: 3 } },
  { t: 'fail', id: 300, life, error },
  { t: 'watch', id: 301, to: 'local:n2/7/shop' },
  { t: 'subscribe', id: 302, to },
  { t: 'stop', id: 303, to },
  { t: 'release', id: 302 },
  { t: 'ended', id: 301, life, reason: 'failed', problem: 'no such file' },
  { t: 'ended', id: 301, life, reason: 'done' },
  { t: 'snapshot', id: 302, life, snapshot: { status: 'active', value: 'open', context: { total: 3 } } },
];

const probes: readonly { readonly t: string; readonly about?: NodeId; readonly agoMs?: number }[] = [
  { t: 'ping' },
  { t: 'pong' },
  { t: 'heard?', about },
  { t: 'heard', about, agoMs: 40 },
];

/** One of each kind of message that wire version 1 has on the channels of actors and probes. */
export const SAMPLES_OF_1: readonly SampleMessage[] = [
  ...actorMessages.map((message, at) => ({
    name: `actors ${at} ${message.t}`,
    channel: CHANNEL.actors,
    message: writeActorMessage(message),
  })),
  ...probes.map((message) => ({ name: `probes ${message.t}`, channel: CHANNEL.probes, message })),
];

/** What tells kinds of messages apart: a tuple's tag and length, an object's tag and fields. */
export function shapeOf(channel: Channel, message: WireValue): string {
  if (Array.isArray(message)) return `${channel} ${String(message[0])} of ${message.length}`;
  const { t, ...fields } = message as { readonly t: string };
  return `${channel} ${t} with ${Object.keys(fields).sort().join()}`;
}
