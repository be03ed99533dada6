import { systemClock } from '@tutti/kernel';
import { describe, test } from 'vitest';
import { logStoreCases, repairCases } from './log-store-suite.ts';
import { MemoryLogStore } from './memory-log-store.ts';

describe('a log store in memory', () => {
  for (const { title, run } of [...logStoreCases, ...repairCases])
    test(title, () => {
      const store = new MemoryLogStore(systemClock);
      return run({ store: () => store });
    });
});
