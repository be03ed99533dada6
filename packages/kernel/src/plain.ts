import { TuttiError } from './error/tutti-error.ts';

/** How deep arrays and objects may nest in what is encoded. */
export const NESTING_MAX = 128;

const INT64_MIN = -(2n ** 63n);
const UINT64_MAX = 2n ** 64n - 1n;

/**
 * Refuses what would not arrive as it left; every codec that values go to other nodes with does so.
 * @throws TuttiError `TUTTI_VALUE_NOT_PLAIN`
 */
export function mustBePlain(value: unknown): void {
  const problem = notPlain(value);
  if (problem !== undefined) throw new TuttiError('TUTTI_VALUE_NOT_PLAIN', { problem: `value${problem}` });
}

/**
 * Says where a value holds something that would not arrive as it left, such as `order.items[2]: a Map`; undefined
 * when it is plain through and through: null, undefined, booleans, numbers, text, 64-bit integers, Uint8Array,
 * Date, and arrays and plain objects of these.
 */
function notPlain(value: unknown, depth = 0): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'undefined':
      return undefined;
    case 'bigint':
      return value >= INT64_MIN && value <= UINT64_MAX ? undefined : ': an integer beyond 64 bits';
    case 'object':
      return value === null ? undefined : objectProblem(value, depth);
    case 'function':
    case 'symbol':
      break;
  }
  return `: a ${typeof value}`;
}

function objectProblem(value: object, depth: number): string | undefined {
  if (depth >= NESTING_MAX) return `: nested deeper than ${NESTING_MAX} (or a cycle)`;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const problem = notPlain(value[i], depth + 1);
      if (problem !== undefined) return `[${i}]${problem}`;
    }
    return undefined;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return instanceProblem(value);
  for (const key in value) {
    const problem = notPlain((value as Record<string, unknown>)[key], depth + 1);
    if (problem !== undefined) return `.${key}${problem}`;
  }
  return undefined;
}

function instanceProblem(value: object): string | undefined {
  if (value instanceof Uint8Array) return undefined;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? ': a Date that is no date' : undefined;
  return `: an instance of ${value.constructor?.name || 'a class'}`;
}
