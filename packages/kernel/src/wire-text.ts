import { inOrder } from './canonical.ts';

/** Marks what JSON has no word for. An object that happens to have such a key itself is marked as well. */
const MARK = '$is';

interface Marked {
  readonly [MARK]: string;
  readonly of: unknown;
}

/** A value as text: all that the log carries, of which JSON knows only a part. {@link parseWireText} reads it back. */
export function wireText(value: unknown): string {
  return JSON.stringify(value, function (this: Record<string, unknown>, key, shown: unknown) {
    // What a Date says for JSON has been asked already: its own value is here.
    return marked(this[key]) ?? shown;
  });
}

/** The same with object keys in order: for telling values apart, whatever the log carries. */
export function canonicalText(value: unknown): string {
  return JSON.stringify(value, function (this: Record<string, unknown>, key, shown: unknown) {
    return marked(this[key]) ?? inOrder(shown);
  });
}

/** The value that {@link wireText} made a text of. */
export function parseWireText(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown) => (isMarked(value) ? unmarked(value) : value));
}

function marked(value: unknown): Marked | undefined {
  if (typeof value === 'bigint') return { [MARK]: 'bigint', of: String(value) };
  if (typeof value === 'number')
    return isWritten(value)
      ? undefined
      : { [MARK]: 'number', of: Object.is(value, -0) ? '-0' : String(value) };
  if (typeof value !== 'object' || value === null) return undefined;
  if (value instanceof Date) return { [MARK]: 'date', of: value.getTime() };
  if (value instanceof Uint8Array) return { [MARK]: 'bytes', of: [...value] };
  if (value instanceof Map) return { [MARK]: 'map', of: [...(value as Map<unknown, unknown>)] };
  if (value instanceof Set) return { [MARK]: 'set', of: [...(value as Set<unknown>)] };
  return Object.hasOwn(value, MARK) ? { [MARK]: 'object', of: Object.entries(inOrder(value)) } : undefined;
}

const isWritten = (value: number): boolean => Number.isFinite(value) && !Object.is(value, -0);

const isMarked = (value: unknown): value is Marked =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, MARK);

function unmarked({ [MARK]: kind, of }: Marked): unknown {
  switch (kind) {
    case 'bigint':
      return BigInt(of as string);
    case 'number':
      return Number(of);
    case 'date':
      return new Date(of as number);
    case 'bytes':
      return Uint8Array.from(of as number[]);
    case 'map':
      return new Map(of as [unknown, unknown][]);
    case 'set':
      return new Set(of as unknown[]);
    default:
      return Object.fromEntries(of as [string, unknown][]);
  }
}
