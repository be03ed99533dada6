import { parseWireText, TuttiError, type WireValue, wireText } from '@tutti/kernel';

/** One thing in a snapshot, with the name of what it is. */
export type Item = readonly [kind: string, value: unknown];

/** Characters of JSON that one part aims at: below 64 KiB once encoded, also where many are not ASCII. */
const PART_CHARACTERS = 24_000;

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

/** Characters of its JSON; of what JSON cannot say, of the text that can. */
function sizeOf(value: unknown): number {
  try {
    return JSON.stringify(value).length;
  } catch {
    return wireText(value).length;
  }
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
