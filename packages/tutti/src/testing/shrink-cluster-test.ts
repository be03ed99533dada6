import type { ClusterTestSource } from './cluster-test.ts';
import { type Fault, LEADER } from './fault.ts';
import { type ClusterTestReport, runClusterTest } from './run-cluster-test.ts';
import { namesOf } from './test-cluster-options.ts';

/** How a search for a smaller run is bounded, and what it came to. */
export interface Shrunk {
  readonly report: ClusterTestReport;
  /** Runs that it took. */
  readonly runs: number;
}

/** Runs that a search may take. */
const RUNS_MAX = 150;
/** Shorter than this a fault is as short as can be. */
const SHORT_MS = 20;

type Smaller = Pick<ClusterTestReport, 'nodes' | 'durationMs' | 'schedule'>;

/**
 * Looks for a run of the same seed that fails in the same way with less: fewer faults, fewer nodes, a shorter time. It
 * leaves out one thing after another as long as the failure stays (delta debugging, Zeller and Hildebrandt 2002), so
 * what it finds is small, and not the smallest there is.
 */
export async function shrinkClusterTest(
  source: ClusterTestSource,
  failing: ClusterTestReport,
  runsMax = RUNS_MAX,
): Promise<Shrunk> {
  let best = failing;
  let runs = 0;
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false;
    for (const smaller of smallerThan(best)) {
      if (runs++ >= runsMax) return { report: best, runs: runsMax };
      const report = await runClusterTest(source, { seed: failing.seed, ...smaller });
      if (report.failure?.kind !== failing.failure?.kind) continue;
      best = report;
      isSmaller = true;
      break;
    }
  }
  return { report: best, runs };
}

/** Each of the steps down from a run, what saves most first. */
function* smallerThan({ nodes, durationMs, schedule, failure }: ClusterTestReport): Generator<Smaller> {
  const last = Math.max(0, ...schedule.map(({ at, for: lasting }) => at + lasting)) + 1;
  const end = Math.min(failure!.atMs, last);
  if (end < durationMs) yield { nodes, durationMs: end, schedule: schedule.filter(({ at }) => at < end) };
  for (let part = Math.ceil(schedule.length / 2); part >= 1; part = part === 1 ? 0 : Math.ceil(part / 2))
    for (let at = 0; at < schedule.length; at += part)
      yield { nodes, durationMs, schedule: schedule.toSpliced(at, part) };
  if (nodes > 1) yield { nodes: nodes - 1, durationMs, schedule: among(schedule, nodes - 1) };
  for (const [at, fault] of schedule.entries())
    if (fault.for >= 2 * SHORT_MS)
      yield { nodes, durationMs, schedule: schedule.with(at, { ...fault, for: Math.round(fault.for / 2) }) };
}

/** What of a schedule is left with fewer nodes. */
function among(schedule: readonly Fault[], nodes: number): readonly Fault[] {
  const names: readonly string[] = [...namesOf(nodes), LEADER];
  return schedule.flatMap((fault) => {
    const on = fault.on.filter((name) => names.includes(name));
    const isLeft =
      on.length > 0 &&
      (on.length === fault.on.length || fault.kind === 'crash' || fault.kind === 'partition');
    return isLeft ? [{ ...fault, on }] : [];
  });
}
