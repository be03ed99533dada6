import { expect, test } from 'vitest';
import { killAtPoints } from './testing/kill-points.ts';
import { KILL_SCENARIOS } from './testing/kill-scenarios.ts';

/** Of each scenario about so many points are tried here; `npm run sim -- crash-points` tries all of them. */
const SHARES: Readonly<Record<string, number>> = { 'three replicas': 61 };
const SHARE = 29;

test.for(KILL_SCENARIOS)(
  'a process that is killed in the middle of $name comes back with all that it acknowledged',
  { timeout: 120_000 },
  async (scenario) => {
    const { points, tried, killed, problems } = await killAtPoints(scenario, {
      share: SHARES[scenario.name] ?? SHARE,
      offset: scenario.name.length,
    });
    expect(problems).toEqual([]);
    expect(points).toBeGreaterThan(40);
    expect(tried).toBeGreaterThan(0);
    expect(killed).toBeGreaterThan(tried / 2);
  },
);
