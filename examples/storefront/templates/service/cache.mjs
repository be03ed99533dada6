/**
 * Least recently used first out, with a time to live for each kind of key. The policy is the same file that the
 * Redis layer is configured from; the kind of a key is what stands before its first colon.
 */
export function createCache(policy, now = Date.now) {
  const entries = new Map();
  const statistics = { hits: 0, misses: 0, evictions: 0 };
  const lifetimeMs = new Map(policy.kinds.map((kind) => [kind.prefix, kind.ttlSeconds * 1_000]));

  function get(key) {
    const entry = entries.get(key);
    if (entry === undefined || entry.expiresAt <= now()) {
      entries.delete(key);
      statistics.misses++;
      return undefined;
    }
    entries.delete(key);
    entries.set(key, entry);
    statistics.hits++;
    return entry.value;
  }

  function set(key, value) {
    const ttlMs = lifetimeMs.get(key.split(':', 1)[0]);
    if (ttlMs === undefined) throw new Error(`the cache policy has no kind for the key ${key}`);
    entries.delete(key);
    entries.set(key, { value, expiresAt: now() + ttlMs });
    if (entries.size > policy.entriesMax) {
      entries.delete(entries.keys().next().value);
      statistics.evictions++;
    }
  }

  /** Forgets every key that starts with `prefix`. */
  function forget(prefix) {
    for (const key of entries.keys()) if (key.startsWith(prefix)) entries.delete(key);
  }

  return { get, set, forget, statistics, size: () => entries.size };
}
