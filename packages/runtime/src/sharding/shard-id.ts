import type { Address } from '../actor/ref.ts';

/** A number from 0 up to the cluster's count of shards. */
export type ShardId = number;

/** FNV-1a with a finishing mix, 32 bits: the same on every node and in every version, since the log depends on it. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

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
