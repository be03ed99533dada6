import { TuttiError } from '@tutti/kernel';
import type { Address, Ref } from '../actor/ref.ts';

/** How deep values may nest. Deeper ones, and cycles, are refused instead of overflowing the stack. */
const DEPTH_MAX = 64;

type Bag = Record<string, unknown>;

const isRef = (value: Bag): boolean =>
  typeof value['address'] === 'string' &&
  typeof value['send'] === 'function' &&
  typeof value['ask'] === 'function';

/** A user's own object that looks like an encoded ref is wrapped, so that it comes back as it was. */
const looksEncoded = (value: Bag): boolean => '$ref' in value || '$plain' in value;

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function mapItems(
  value: unknown,
  depth: number,
  convert: (item: unknown, depth: number) => unknown,
): unknown {
  if (depth > DEPTH_MAX) throw new TuttiError('TUTTI_VALUE_TOO_DEEP', { limit: DEPTH_MAX });
  if (Array.isArray(value)) {
    let copy: unknown[] | undefined;
    for (let i = 0; i < value.length; i++) {
      const item = convert(value[i], depth + 1);
      if (item !== value[i]) (copy ??= [...(value as unknown[])])[i] = item;
    }
    return copy ?? value;
  }
  let copy: Bag | undefined;
  for (const [key, before] of Object.entries(value as Bag)) {
    const item = convert(before, depth + 1);
    if (item !== before) (copy ??= { ...(value as Bag) })[key] = item;
  }
  return copy ?? value;
}

/**
 * Replaces each ref inside a value by `{ $ref: address }`. A value without refs is returned as it is, not copied.
 * @throws TuttiError `TUTTI_VALUE_TOO_DEEP`
 */
export function encodeRefs(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return mapItems(value, depth, encodeRefs);
  const bag = value as Bag;
  if (isRef(bag)) return { $ref: bag['address'] };
  if (!isPlain(value)) return value;
  const mapped = mapItems(value, depth, encodeRefs);
  return looksEncoded(bag) ? { $plain: mapped } : mapped;
}

/** Undoes {@link encodeRefs}; `makeRef` gives the ref of an address on this node. */
export function decodeRefs(value: unknown, makeRef: (address: Address) => Ref, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const decode = (item: unknown, level: number) => decodeRefs(item, makeRef, level);
  if (Array.isArray(value)) return mapItems(value, depth, decode);
  if (!isPlain(value)) return value;
  const bag = value as Bag;
  if (typeof bag['$ref'] === 'string') return makeRef(bag['$ref']);
  // The wrapper is not counted, as encoding did not: what could be stored can be read again.
  if ('$plain' in bag) return mapItems(bag['$plain'] ?? {}, depth, decode);
  return mapItems(value, depth, decode);
}
