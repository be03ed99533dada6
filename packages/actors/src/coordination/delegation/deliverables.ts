/**
 * The deliverables that a result does not name. A result names a deliverable as a key of its own, as a value, or as
 * an item of a list: `{ 'api.json': {...} }`, `{ contract: 'api.json' }` and `{ files: ['api.json'] }` all do. An
 * empty value (undefined, null, false) under the key does not count.
 */
export function missingDeliverables(expected: readonly string[], output: unknown): readonly string[] {
  if (expected.length === 0) return [];
  const named = new Set<string>();
  if (Array.isArray(output)) addStrings(named, output);
  else if (typeof output === 'string') named.add(output);
  else if (typeof output === 'object' && output !== null) {
    for (const [key, value] of Object.entries(output)) {
      if (value !== undefined && value !== null && value !== false) named.add(key);
      addStrings(named, Array.isArray(value) ? value : [value]);
    }
  }
  return expected.filter((deliverable) => !named.has(deliverable));
}

function addStrings(named: Set<string>, values: readonly unknown[]): void {
  for (const value of values) if (typeof value === 'string') named.add(value);
}
