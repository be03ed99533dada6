import { VirtualClock } from '@tutti/kernel';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Throttle } from './snapshot-limits.ts';

test('what passes a throttle keeps to its rate, whatever the sizes, and whoever waits as told gets through', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 20, maxLength: 60 }), (sizes) => {
      const clock = new VirtualClock();
      const throttle = new Throttle(clock, 10_000);
      let passed = 0;
      for (const size of sizes) {
        for (let tries = 0; ; tries++) {
          const waitMs = throttle.take(size);
          if (waitMs === 0) break;
          expect(tries).toBeLessThan(2);
          clock.advance(waitMs);
        }
        passed += size;
      }
      // One tenth of a second's worth may be saved up, and one chunk may be owed.
      expect(passed).toBeLessThanOrEqual((clock.now() / 1000) * 10_000 + 1_000 + 5_000);
    }),
  );
});
