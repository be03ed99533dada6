/** A number as texts show it: three digits that mean something, and `k` or `M` for large ones. */
export function showClaim(value: number): string {
  if (value >= 999_500) return `${digits(value / 1e6)} M`;
  if (value >= 9_995) return `${digits(value / 1e3)} k`;
  return digits(value);
}

function digits(value: number): string {
  if (value >= 1_000) return value.toFixed(0);
  return String(Number(value.toPrecision(3)));
}
