import { expect, test } from 'vitest';
import { FAULT_KINDS } from './fault-kinds.ts';
import { TROUBLES } from './troubles.ts';

test('every kind of trouble is in the table of all that a run may have, once', () => {
  const names = TROUBLES.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name } of FAULT_KINDS) expect(names).toContain(name);
});
