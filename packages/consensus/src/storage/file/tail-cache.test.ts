import { expect, test } from 'vitest';
import { suiteEntries } from '../log-store-suite.ts';
import { TailCache } from './tail-cache.ts';

test('what is not durable stays in memory, whatever the bound', () => {
  const cache = new TailCache(0, 0);
  const entries = suiteEntries(1, 10, 1);
  cache.append(entries);
  expect(cache.firstIndex).toBe(1);
  cache.durable(entries[3]!);
  expect(cache.firstIndex).toBe(5);
  expect(cache.entries(5, 10, Infinity)).toEqual(entries.slice(4));
});

test('a report for entries that were replaced meanwhile does not vouch for the replacements', () => {
  const cache = new TailCache(0, 0);
  const first = suiteEntries(1, 5, 1);
  const second = suiteEntries(3, 6, 2);
  cache.append(first);
  cache.append(second);
  cache.durable(first.at(-1)!);
  expect(cache.entries(3, 6, Infinity)).toEqual(second);
  cache.durable(second.at(-1)!);
  expect(cache.firstIndex).toBe(7);
});
