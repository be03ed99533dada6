import type { Incarnation } from '@tutti/kernel';
import type { EventObject } from 'xstate';
import type { Address, TerminationReason } from '../actor/ref.ts';
import type { ShardAt } from '../sharding/shard-map.ts';
import type { ReplyTarget } from '../system/actor-system.ts';
import type { ListingChange } from './listings.ts';
import type { WireError } from './wire-error.ts';

/** A message on its way to an actor of the cluster, inside one node. */
export interface Parcel {
  readonly address: Address;
  readonly event: EventObject;
  /** Set for an ask. */
  readonly target: ReplyTarget | undefined;
  /** When an ask is over, on this node's clock; `Infinity` for a send. */
  readonly deadline: number;
  /** How often it has been passed on from node to node. */
  readonly hops: number;
  /** The epoch of its shard that the sender saw; 0 for what is not sharded. A receiver that is behind waits. */
  readonly epoch: number;
  /** An activation on this node had it and has ended; the next one is not to be put to sleep before it has looked at it. */
  readonly isLeftOver?: boolean;
}

/** A parcel on the wire. */
export type ParcelMessage =
  | {
      readonly t: 'send';
      readonly to: Address;
      readonly event: unknown;
      readonly hops: number;
      readonly epoch: number;
    }
  | {
      readonly t: 'ask';
      readonly to: Address;
      readonly event: unknown;
      readonly hops: number;
      readonly epoch: number;
      readonly id: number;
      /** How long the asker still waits, in milliseconds. */
      readonly ttlMs: number;
    };

/**
 * What is said when a shard is handed over, about the epoch that ends, between its owner and the life that it goes to but
 * for the first; since wire version {@link HAND_OVER_VERSION}.
 */
export type HandOverMessage =
  /** To an owner: the sender sends it nothing more for these shards in these epochs. */
  | { readonly t: 'settled'; readonly shards: readonly ShardAt[] }
  /** One parcel that goes along. */
  | (ShardAt & { readonly t: 'handed'; readonly parcel: ParcelMessage })
  /** So many were all. */
  | (ShardAt & { readonly t: 'handedAll'; readonly id: number; readonly count: number })
  /** The answer to that: whether each of them is kept. */
  | { readonly t: 'kept'; readonly id: number; readonly life: Incarnation; readonly isKept: boolean };

/** From this wire version on, senders say that they are settled, and what waits for a shard goes along with it. */
export const HAND_OVER_VERSION = 2;

/**
 * What nodes say to each other on the actors' channel. `id` is chosen by the one who asks, watches or subscribes;
 * answers carry `life`, the incarnation they are meant for, so that none reaches the next life under the same number.
 */
export type ActorMessage =
  | ParcelMessage
  | HandOverMessage
  | { readonly t: 'reply'; readonly id: number; readonly life: Incarnation; readonly value: unknown }
  | { readonly t: 'fail'; readonly id: number; readonly life: Incarnation; readonly error: WireError }
  | { readonly t: 'watch' | 'subscribe' | 'stop'; readonly id: number; readonly to: Address }
  /** Ends a watch or a subscription; for a watch it also acknowledges `ended`. */
  | { readonly t: 'release'; readonly id: number }
  | {
      readonly t: 'ended';
      readonly id: number;
      readonly life: Incarnation;
      readonly reason: TerminationReason;
      readonly problem?: string;
      /** It has not ended: there is no room to follow one more, and it is to be asked for again later. */
      readonly isFull?: true;
    }
  | { readonly t: 'snapshot'; readonly id: number; readonly life: Incarnation; readonly snapshot: unknown }
  /** An event for everybody on the receiving node who subscribed to a topic. */
  | { readonly t: 'publish'; readonly topic: string; readonly event: unknown }
  /** The sender's own entries at the receptionist: what changed since `base`, or all of them when that is -1. */
  | {
      readonly t: 'listed';
      readonly base: number;
      readonly version: number;
      readonly changes: readonly ListingChange[];
      /** All of them come in parts, up to the one of this version. */
      readonly upTo?: number;
    }
  /** Asks for all of the receiver's entries, unless they are those of this version. */
  | { readonly t: 'listing'; readonly version: number };

const isEvent = (value: unknown) =>
  typeof (value as { type?: unknown } | null | undefined)?.type === 'string';

const isId = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;

/**
 * What travels: the three kinds that are most of the traffic go as tuples, without the names of their fields, which
 * the receiver would otherwise read again in each message.
 */
export function writeActorMessage(message: ActorMessage): ActorMessage | readonly unknown[] {
  if (message.t === 'send' || message.t === 'ask') return writeParcel(message);
  if (message.t === 'handed') return ['handed', message.shard, message.epoch, ...writeParcel(message.parcel)];
  return message.t === 'reply' ? ['reply', message.id, message.life, message.value] : message;
}

function writeParcel(message: ParcelMessage): readonly unknown[] {
  const { t, to, event, hops, epoch } = message;
  return t === 'send' ? [t, to, event, hops, epoch] : [t, to, event, hops, epoch, message.id, message.ttlMs];
}

/** Checks a message from another node; undefined when it is none of ours, which the caller counts and drops. */
export function readActorMessage(raw: unknown): ActorMessage | undefined {
  if (Array.isArray(raw)) return readTuple(raw);
  if (typeof raw !== 'object' || raw === null) return undefined;
  const message = raw as Record<string, unknown>;
  const isAnswer = () => isId(message['id']) && isId(message['life']);
  switch (message['t']) {
    case 'watch':
    case 'subscribe':
    case 'stop':
      return isId(message['id']) && typeof message['to'] === 'string' ? (raw as ActorMessage) : undefined;
    case 'release':
      return isId(message['id']) ? (raw as ActorMessage) : undefined;
    case 'snapshot':
      return isAnswer() ? (raw as ActorMessage) : undefined;
    case 'fail':
      return isAnswer() && typeof (message['error'] as { code?: unknown } | null)?.code === 'string'
        ? (raw as ActorMessage)
        : undefined;
    case 'publish':
      return typeof message['topic'] === 'string' && isEvent(message['event'])
        ? (raw as ActorMessage)
        : undefined;
    case 'listed':
      return isListed(message) ? (raw as ActorMessage) : undefined;
    case 'listing':
      return isId(message['version']) ? (raw as ActorMessage) : undefined;
    case 'settled':
      return isSettled(message) ? (raw as ActorMessage) : undefined;
    case 'handedAll':
      return ['id', 'shard', 'epoch', 'count'].every((field) => isId(message[field]))
        ? (raw as ActorMessage)
        : undefined;
    case 'kept':
      return isAnswer() && typeof message['isKept'] === 'boolean' ? (raw as ActorMessage) : undefined;
    case 'ended':
      return isAnswer() && typeof message['reason'] === 'string' ? (raw as ActorMessage) : undefined;
    default:
      return undefined;
  }
}

function isSettled({ shards }: Record<string, unknown>): boolean {
  const isShardAt = (at: unknown) =>
    typeof at === 'object' && at !== null && isId((at as ShardAt).shard) && isId((at as ShardAt).epoch);
  return Array.isArray(shards) && shards.every(isShardAt);
}

function isListed({ base, version, changes, upTo }: Record<string, unknown>): boolean {
  const isChange = (change: unknown) =>
    Array.isArray(change) &&
    change.length === 3 &&
    typeof change[0] === 'string' &&
    typeof change[1] === 'string' &&
    typeof change[2] === 'boolean';
  const areVersions = (base === -1 || isId(base)) && isId(version) && (upTo === undefined || isId(upTo));
  return areVersions && Array.isArray(changes) && changes.every(isChange);
}

function readTuple(raw: readonly unknown[]): ActorMessage | undefined {
  const t = raw[0];
  if (t === 'reply') {
    const [, id, life, value] = raw;
    return raw.length === 4 && isId(id) && isId(life) ? ({ t, id, life, value } as ActorMessage) : undefined;
  }
  if (t !== 'handed') return readParcel(raw);
  const [, shard, epoch, ...rest] = raw;
  const parcel = isId(shard) && isId(epoch) ? readParcel(rest) : undefined;
  return parcel && ({ t, shard, epoch, parcel } as ActorMessage);
}

function readParcel(raw: readonly unknown[]): ParcelMessage | undefined {
  const [t, to, event, hops, epoch, id, ttlMs] = raw;
  const isParcel = typeof to === 'string' && isId(hops) && isId(epoch) && isEvent(event);
  if (!isParcel) return undefined;
  if (t === 'send' && raw.length === 5) return { t, to, event, hops, epoch } as ParcelMessage;
  if (t === 'ask' && raw.length === 7 && isId(id) && typeof ttlMs === 'number' && ttlMs >= 0)
    return { t, to, event, hops, epoch, id, ttlMs } as ParcelMessage;
  return undefined;
}
