import { messageOf, TuttiError } from './error/tutti-error.ts';
import type { ValueCodec } from './ports/codec.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** JSON with object keys in order, so that equal values have equal bytes. For hashing and for comparing states. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) => inOrder(item));
}

/** An object with its keys in order; any other value as it is. */
export function inOrder<T>(item: T): T;
export function inOrder(item: unknown): unknown {
  if (item === null || typeof item !== 'object' || Array.isArray(item)) return item;
  const ordered: Record<string, unknown> = {};
  for (const key of Object.keys(item).sort()) ordered[key] = (item as Record<string, unknown>)[key];
  return ordered;
}

/** A codec that needs no library: canonical JSON as UTF-8. Uint8Array does not survive it; use MessagePack then. */
export const jsonCodec: ValueCodec = {
  encode: (value) => encoder.encode(canonicalJson(value ?? null)),
  decode(bytes) {
    try {
      return JSON.parse(decoder.decode(bytes));
    } catch (thrown) {
      throw new TuttiError('TUTTI_CODEC_INVALID', { problem: messageOf(thrown) }, { cause: thrown });
    }
  },
};
