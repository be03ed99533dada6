import { hashText } from '@tutti/kernel';
import type { Address } from '../actor/ref.ts';

/** A number from 0 up to the cluster's count of shards. */
export type ShardId = number;

/** 16 hexadecimal digits over a text, as {@link hashText} the same everywhere. No proof against forgery. */
export function digestOf(text: string): string {
  const parts = [text, `${text.length}:${text}`];
  return parts.map((part) => hashText(part).toString(16).padStart(8, '0')).join('');
}

/** The shard of a key. Keys of different kinds are spread independently. */
export function shardOf(kind: string, key: string, shards: number): ShardId {
  return hashText(`${kind}/${key}`) % shards;
}

/** What an entity's address names. */
export interface EntityName {
  readonly kind: string;
  readonly key: string;
}

const PREFIX = 'entity:';

export const entityAddress = ({ kind, key }: EntityName): Address => `${PREFIX}${kind}/${key}`;

/** Reads `entity:<kind>/<key>`; the key may hold anything, slashes included. */
export function parseEntityAddress(address: Address): EntityName | undefined {
  if (!address.startsWith(PREFIX)) return undefined;
  const slash = address.indexOf('/', PREFIX.length);
  if (slash < 0) return undefined;
  return { kind: address.slice(PREFIX.length, slash), key: address.slice(slash + 1) };
}
