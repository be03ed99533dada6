import { TuttiError } from './error/tutti-error.ts';

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Milliseconds from a number of them, or from text such as `250`, `250ms`, `1.5s`, `120m`, `2h`; without a unit
 * they are milliseconds.
 * @throws TuttiError `TUTTI_DURATION_INVALID`
 */
export function durationMs(value: number | string): number {
  if (typeof value === 'number') {
    if (Number.isFinite(value) && value >= 0) return value;
  } else {
    const match = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)?\s*$/.exec(value);
    if (match) return Number(match[1]) * UNITS[match[2] ?? 'ms']!;
  }
  throw new TuttiError('TUTTI_DURATION_INVALID', { value });
}

/** For people: `840 ms`, `12.3 s`, `4 m 05 s`, `2 h 00 m`. */
export function showDuration(ms: number): string {
  // The bounds are where the rounded text would reach the next unit: no "1000 ms", no "60.0 s".
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const pad = (n: number) => String(n).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${pad(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${pad(Math.floor((seconds % 3600) / 60))} m`;
}
