import { parseWireText, TuttiError, type WireValue, wireText } from '@tutti/kernel';

/** One thing in a snapshot, with the name of what it is. */
export type Item = readonly [kind: string, value: unknown];

/** Characters that one part aims at: below 64 KiB once encoded, also where many are not ASCII. */
const PART_CHARACTERS = 24_000;

/** Of a number, at most. */
const SCALAR_SIZE = 9;

/**
 * Packs a stream of items into parts of bounded size: neighbours of one kind share a part `{ kind, items }`, and an
 * item too large for any part is cut up as text, `{ kind, text, last }`.
 */
export function* packParts(items: Iterable<Item>): IterableIterator<WireValue> {
  let kind = '';
  let group: unknown[] = [];
  let characters = 0;
  for (const [itemKind, value] of items) {
    const size = sizeOf(value);
    if (group.length > 0 && (itemKind !== kind || characters + size > PART_CHARACTERS)) {
      yield { kind, items: group };
      group = [];
      characters = 0;
    }
    kind = itemKind;
    if (size > PART_CHARACTERS) {
      yield* cutUp(kind, wireText(value));
      continue;
    }
    group.push(value);
    characters += size;
  }
  if (group.length > 0) yield { kind, items: group };
}

/**
 * About what it takes once encoded, where a character is a byte: with its keys, and a few bytes for whatever has no
 * length. Its JSON would tell more exactly, and making that took longer than to encode it.
 */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return SCALAR_SIZE;
  if (value instanceof Uint8Array) return value.length + 2;
  let size = 2;
  if (Array.isArray(value)) for (const item of value as readonly unknown[]) size += sizeOf(item);
  else if (value instanceof Map || value instanceof Set) size += sizeOf([...(value as Iterable<unknown>)]);
  else for (const key in value) size += key.length + 2 + sizeOf((value as Record<string, unknown>)[key]);
  return size;
}

function* cutUp(kind: string, text: string): IterableIterator<WireValue> {
  for (let at = 0; at < text.length; at += PART_CHARACTERS)
    yield { kind, text: text.slice(at, at + PART_CHARACTERS), last: at + PART_CHARACTERS >= text.length };
}

/** The items that {@link packParts} packed. @throws TuttiError `TUTTI_BOARD_SNAPSHOT_INVALID` */
export function* unpackParts(parts: Iterable<WireValue>): IterableIterator<Item> {
  let text = '';
  for (const part of parts) {
    const {
      kind,
      items,
      text: piece,
      last,
    } = part as {
      readonly kind?: unknown;
      readonly items?: unknown;
      readonly text?: unknown;
      readonly last?: unknown;
    };
    if (typeof kind !== 'string')
      throw new TuttiError('TUTTI_BOARD_SNAPSHOT_INVALID', { problem: 'a part has no kind' });
    if (Array.isArray(items)) for (const item of items as unknown[]) yield [kind, item];
    if (typeof piece !== 'string') continue;
    text += piece;
    if (last !== true) continue;
    yield [kind, parseWireText(text)];
    text = '';
  }
}
