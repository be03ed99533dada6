/** A value with its unit, in the size of unit that reads best: `12.3 M msg/s`, `1.4 ms`. */
export function showQuantity(value: number, unit: string): string {
  if (unit === 'bytes')
    return value >= 1e6
      ? `${showNumber(value / 1e6)} MB`
      : value >= 1e4
        ? `${showNumber(value / 1e3)} kB`
        : `${showNumber(value)} B`;
  if (unit === 'us' && value >= 1_000) return `${showNumber(value / 1_000)} ms`;
  if (unit === 'ms' && value < 1) return `${showNumber(value * 1_000)} us`;
  const [scaled, prefix] =
    value >= 1e6 ? [value / 1e6, 'M '] : value >= 1e4 ? [value / 1e3, 'k '] : [value, ''];
  return `${showNumber(scaled)} ${prefix}${unit}`.trimEnd();
}

/** Three significant digits, without an exponent. */
export function showNumber(value: number): string {
  if (!Number.isFinite(value)) return 'none';
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return String(Number(value.toPrecision(3)));
}
