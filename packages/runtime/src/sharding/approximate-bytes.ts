/** Most values that are looked at; what is beyond counts as the part before does on average. */
const VALUES_MAX = 4_096;

const BYTES = { number: 8, object: 32, field: 16, character: 2 };

/**
 * Roughly what a plain value holds in memory, in bytes: for comparing entities with one another and with a target, not
 * for accounting. Costs one look at each value, and no more than some four thousand looks.
 */
export function approximateBytes(value: unknown): number {
  const open: unknown[] = [value];
  let bytes = 0;
  let seen = 0;
  for (; open.length > 0 && seen < VALUES_MAX; seen++) {
    const item = open.pop();
    if (typeof item === 'string') bytes += BYTES.object + item.length * BYTES.character;
    else if (item instanceof Uint8Array) bytes += BYTES.object + item.length;
    else if (typeof item === 'object' && item !== null) {
      const fields: unknown[] = Object.values(item);
      bytes += BYTES.object + fields.length * BYTES.field;
      for (let i = 0; i < fields.length && open.length < VALUES_MAX; i++) open.push(fields[i]);
    } else bytes += BYTES.number;
  }
  return open.length === 0 ? bytes : Math.round((bytes * (seen + open.length)) / seen);
}
