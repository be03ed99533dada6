const BUCKETS_MS = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000];

/** Counters and one histogram in the Prometheus text format (version 0.0.4). Labels come from the contract only. */
export function createMetrics() {
  const counters = new Map();
  const histograms = new Map();

  function count(name, labels = {}) {
    const key = `${name}${show(labels)}`;
    counters.set(key, (counters.get(key) ?? 0) + 1);
  }

  function observe(name, labels, valueMs) {
    const key = show(labels).slice(1, -1);
    const series = histograms.get(`${name} ${key}`) ?? {
      name,
      key,
      buckets: BUCKETS_MS.map(() => 0),
      sum: 0,
      total: 0,
    };
    for (const [index, bound] of BUCKETS_MS.entries()) if (valueMs <= bound) series.buckets[index]++;
    series.sum += valueMs;
    series.total++;
    histograms.set(`${name} ${key}`, series);
  }

  function text(gauges) {
    const lines = Object.entries(gauges).map(([name, value]) => `${name} ${value}`);
    for (const [key, value] of counters) lines.push(`${key} ${value}`);
    for (const { name, key, buckets, sum, total } of histograms.values()) {
      for (const [index, bound] of BUCKETS_MS.entries()) {
        lines.push(`${name}_bucket{${key},le="${bound}"} ${buckets[index]}`);
      }
      lines.push(
        `${name}_bucket{${key},le="+Inf"} ${total}`,
        `${name}_sum{${key}} ${sum}`,
        `${name}_count{${key}} ${total}`,
      );
    }
    return `${lines.join('\n')}\n`;
  }

  return { count, observe, text };
}

function show(labels) {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
