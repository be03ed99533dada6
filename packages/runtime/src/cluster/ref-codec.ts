import { TuttiError } from '@tutti/kernel';
import type { Address, Ref } from '../actor/ref.ts';
import { HostedSelf } from '../actor/xstate-self.ts';

/** How deep values may nest. Deeper ones, and cycles, are refused instead of overflowing the stack. */
const DEPTH_MAX = 64;

type Bag = Record<string, unknown>;

const isRef = (value: Bag): boolean =>
  typeof value['address'] === 'string' &&
  typeof value['send'] === 'function' &&
  typeof value['ask'] === 'function';

const isXStateActor = (value: Bag): boolean =>
  typeof value['id'] === 'string' &&
  typeof value['sessionId'] === 'string' &&
  typeof value['getSnapshot'] === 'function';

const markOf = (actor: Bag): unknown =>
  actor instanceof HostedSelf ? { $ref: actor.cell.address } : { xstate$$type: 1, id: actor['id'] };

/** A user's own object that looks like an encoded ref is wrapped, so that it comes back as it was. */
const looksEncoded = (value: Bag): boolean => '$ref' in value || '$plain' in value;

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Converts one value at a depth; what is handed along with it is the same for all. */
type Convert<Given> = (item: unknown, given: Given, depth: number) => unknown;

/** On the way of every message between nodes: nothing is copied, and nothing made, for a value without refs. */
function mapItems<Given>(value: unknown, given: Given, depth: number, convert: Convert<Given>): unknown {
  if (depth > DEPTH_MAX) throw new TuttiError('TUTTI_VALUE_TOO_DEEP', { limit: DEPTH_MAX });
  if (Array.isArray(value)) {
    let copy: unknown[] | undefined;
    for (let i = 0; i < value.length; i++) {
      const item = convert(value[i], given, depth + 1);
      if (item !== value[i]) (copy ??= [...(value as unknown[])])[i] = item;
    }
    return copy ?? value;
  }
  const bag = value as Bag;
  let copy: Bag | undefined;
  for (const key in bag) {
    const before = bag[key];
    if (typeof before !== 'object' || before === null) continue;
    const item = convert(before, given, depth + 1);
    if (item !== before) (copy ??= { ...bag })[key] = item;
  }
  return copy ?? value;
}

/**
 * Replaces each ref inside a value by `{ $ref: address }`. A value without refs is returned as it is, not copied.
 * @throws TuttiError `TUTTI_VALUE_TOO_DEEP`
 */
export function encodeRefs(value: unknown): unknown {
  return encode(value, false, 0);
}

/**
 * The same for a value that is only looked at: an actor that a machine holds as XState gives it, as `spawn` and `self`
 * do, becomes the ref that it is, or the mark that XState puts in its place when it persists a context.
 * @throws TuttiError `TUTTI_VALUE_TOO_DEEP`
 */
export function encodeShown(value: unknown): unknown {
  return encode(value, true, 0);
}

function encode(value: unknown, isShown: boolean, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return mapItems(value, isShown, depth, encode);
  const bag = value as Bag;
  if (isRef(bag)) return { $ref: bag['address'] };
  if (!isPlain(value)) return isShown && isXStateActor(bag) ? markOf(bag) : value;
  const mapped = mapItems(value, isShown, depth, encode);
  return looksEncoded(bag) ? { $plain: mapped } : mapped;
}

/** Undoes {@link encodeRefs}; `makeRef` gives the ref of an address on this node. */
export function decodeRefs(value: unknown, makeRef: (address: Address) => Ref): unknown {
  return decode(value, makeRef, 0);
}

function decode(value: unknown, makeRef: (address: Address) => Ref, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return mapItems(value, makeRef, depth, decode);
  if (!isPlain(value)) return value;
  const bag = value as Bag;
  if (typeof bag['$ref'] === 'string') return makeRef(bag['$ref']);
  // The wrapper is not counted, as encoding did not: what could be stored can be read again.
  if ('$plain' in bag) return mapItems(bag['$plain'] ?? {}, makeRef, depth, decode);
  return mapItems(value, makeRef, depth, decode);
}
