import { expect, test } from 'vitest';
import { walkRepair } from '../testing/repair-walk.ts';

test('a crash at any call of a repair leaves the note of what was flushed: what decays after it is no torn write', async () => {
  for (let seed = 1; seed <= 4; seed++) expect(await walkRepair(seed), `seed ${seed}`).toBeUndefined();
});
