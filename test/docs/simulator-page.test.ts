import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { drawOptions, TROUBLES } from '../../packages/consensus/src/sim/index.ts';

const SEEDS = 1_000;
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const page = readFileSync(join(root, 'docs', 'consensus', 'simulator.md'), 'utf8');

test(`the page on the simulator says of each trouble how many of ${SEEDS} seeds draw it`, () => {
  const drawn = Array.from({ length: SEEDS }, (_, index) => drawOptions(index + 1));
  const rows = TROUBLES.map(({ name, file, isDrawn }) => {
    expect(existsSync(join(root, 'packages/consensus/src/sim', file)), file).toBe(true);
    return `| ${name} | \`${file}\` | ${drawn.filter(isDrawn).length} |`;
  });
  const table = ['| trouble | file | seeds of 1,000 |', '|---|---|---|', ...rows].join('\n');
  expect(page, `the table should be\n${table}`).toContain(table);
});
