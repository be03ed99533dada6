import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { SETTINGS } from './settings.ts';

it('lists on its page every setting with its default and meaning, and no other', () => {
  const page = readFileSync(
    fileURLToPath(import.meta.resolve('../../../../docs/reference/configuration.md')),
    'utf8',
  );
  const rows = [...page.matchAll(/^\| `([\w.]+)` \| `([^`]*)` \| (.*) \|$/gm)].map(([, ...cells]) => cells);
  const wanted = Object.entries(SETTINGS).map(([key, { fallback, meaning }]) => [
    key,
    String(fallback),
    meaning,
  ]);
  expect(rows).toEqual(wanted);
});
