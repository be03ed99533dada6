import { afterAll, expect, test } from 'vitest';
import { killAtPoints } from '../../packages/consensus/src/storage/file/testing/kill-points.ts';
import { forgetRescues, RESCUE_SCENARIOS } from './rescue-scenarios.ts';

/** Every so many points one is tried here; `npm run sim -- crash-points` tries all of them. */
const SHARE = 41;

afterAll(forgetRescues);

test.for(RESCUE_SCENARIOS)(
  'a process that is killed in the middle of $name leaves the old or the new, and the next one ends it',
  { timeout: 120_000 },
  async (scenario) => {
    const { points, tried, killed, problems } = await killAtPoints(scenario, {
      share: SHARE,
      offset: scenario.name.length,
    });
    expect(problems).toEqual([]);
    expect(points).toBeGreaterThan(40);
    expect(tried).toBeGreaterThan(0);
    expect(killed).toBeGreaterThan(tried / 2);
  },
);
