// Kills processes at every point of every scenario that there is.
import { availableParallelism } from 'node:os';
import { killAtPoints } from '../../packages/consensus/src/storage/file/testing/kill-points.ts';
import { KILL_SCENARIOS } from '../../packages/consensus/src/storage/file/testing/kill-scenarios.ts';
import { forgetRescues, RESCUE_SCENARIOS } from '../../test/kills/rescue-scenarios.ts';

export interface CrashPointsReport {
  readonly points: number;
  readonly killed: number;
  readonly violations: number;
}

/** @param only Words in the names of the scenarios that are wanted. */
export async function runCrashPoints(only: string, say: (text: string) => void): Promise<CrashPointsReport> {
  const report = { points: 0, killed: 0, violations: 0 };
  const scenarios = [...KILL_SCENARIOS, ...RESCUE_SCENARIOS];
  for (const scenario of scenarios.filter(({ name }) => name.includes(only))) {
    const { points, killed, problems } = await killAtPoints(scenario, {
      share: 1,
      atOnce: availableParallelism(),
    });
    report.points += points;
    report.killed += killed;
    report.violations += problems.length;
    say(`${scenario.name}: ${points} points, ${killed} kills, ${problems.length} problems`);
    for (const problem of problems) say(`  ${problem}`);
  }
  await forgetRescues();
  return report;
}
