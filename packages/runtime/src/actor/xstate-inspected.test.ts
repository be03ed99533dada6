import { expect, it } from 'vitest';
import { InspectedCells, SENT_MAX } from './xstate-inspected.ts';
import type { HostingCell } from './xstate-self.ts';

it('remembers who sent an event for a stated number of sendings of one object, the latest', () => {
  const sources: unknown[] = [];
  const runtime = {
    recorders: {
      inspect: true,
      inspected: ({ sourceRef }: { sourceRef: unknown }) => sources.push(sourceRef),
    },
    selfOf: () => ({}),
  };
  const cells = new InspectedCells(runtime as never);
  const tick = Object.freeze({ type: 'tick' });
  for (let n = 1; n <= SENT_MAX + 10; n++) cells.sends(n, tick, false);
  const cell = { isGuardian: false } as HostingCell;
  for (let n = 1; n <= SENT_MAX + 10; n++) cells.event(cell, tick);
  const latest = Array.from({ length: SENT_MAX }, (_, i) => i + 11);
  expect(sources.slice(0, SENT_MAX)).toEqual(latest);
  expect(sources.slice(SENT_MAX).every((source) => source === undefined)).toBe(true);
});
