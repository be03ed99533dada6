import { expect, test } from 'vitest';
import { drawOptions } from './draw-options.ts';
import { changedOptions, shrink } from './shrink.ts';
import { simulate } from './simulator.ts';

/** A cluster that has no time to become well again: whatever the seed, liveness is missed. */
const hopeless = () => simulate({ seed: 3, options: { livenessMs: 1 } });

test('a failing run is made smaller as long as it fails in the same way, and can be had again', () => {
  const before = hopeless();
  expect(before.violation?.checker).toBe('liveness');
  const after = shrink(before, 40);
  expect(after.violation?.checker).toBe('liveness');
  expect(after.options.faults.kinds.length).toBeLessThan(before.options.faults.kinds.length);
  const again = simulate({ seed: 3, options: changedOptions(drawOptions(3), after.options) });
  expect(again.traceHash).toBe(after.traceHash);
  expect(again.violation).toEqual(after.violation);
});
