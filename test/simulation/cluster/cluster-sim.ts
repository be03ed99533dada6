import type { ClusterConfig } from '@tutti/runtime';
import {
  type ClusterTest,
  type ClusterTestReport,
  type Fault,
  runClusterTest,
  shrinkClusterTest,
} from 'tutti/testing';
import { declareWith } from './actors.ts';
import { Clients } from './clients.ts';
import { type ClusterSimOptions, drawClusterOptions } from './draw-options.ts';
import { Oracle, PROMISES } from './oracle.ts';
import { Workloads } from './workloads/workloads.ts';

/** How to run a seed. */
export interface ClusterSimRun {
  readonly seed: number;
  /** Replaces parts of what the seed draws. */
  readonly options?: Partial<ClusterSimOptions>;
  /** Lines of trace to keep; default 0. */
  readonly traceLinesMax?: number;
}

/** What one run came to. */
export interface ClusterSimReport {
  readonly seed: number;
  readonly steps: number;
  readonly virtualMs: number;
  readonly violation:
    | { readonly checker: string; readonly problem: string; readonly atMs: number }
    | undefined;
  readonly traceHash: string;
  readonly trace: readonly string[];
  readonly options: ClusterSimOptions;
  readonly schedule: readonly Fault[];
  readonly exercised: Readonly<Oracle['counts']>;
}

/** After the healing everything must be well within this time. */
const SETTLE_MS = 30_000;

/** A whole cluster with its actors under trouble: the very code that ships, judged from outside. */
export async function simulateCluster(run: ClusterSimRun): Promise<ClusterSimReport> {
  const options = { ...drawClusterOptions(run.seed, run.options?.calm), ...run.options };
  const { test, oracle } = playOf(options);
  const report = await runClusterTest(test, {
    ...runOf(run.seed, options),
    traceLines: run.traceLinesMax ?? 0,
  });
  return reportOf(report, options, oracle);
}

/** Looks for a smaller run of a seed that fails in the same way. */
export async function shrinkCluster(failing: ClusterSimReport, runsMax?: number): Promise<ClusterSimReport> {
  const { options, seed } = failing;
  const report = await runClusterTest(playOf(options).test, runOf(seed, options));
  const shrunk = await shrinkClusterTest(() => playOf(options).test, report, runsMax);
  const { nodes, durationMs, schedule } = shrunk.report;
  const workMs = options.workMs ?? options.durationMs;
  return simulateCluster({ seed, options: { ...options, nodes, durationMs, workMs, schedule } });
}

function runOf(seed: number, { nodes, durationMs, schedule }: ClusterSimOptions) {
  return { seed, nodes, durationMs, ...(schedule ? { schedule } : {}) };
}

function playOf(options: ClusterSimOptions): { readonly test: ClusterTest; readonly oracle: Oracle } {
  const oracle = new Oracle();
  const workloads = new Workloads(oracle, options);
  const declareActors = declareWith(oracle, options);
  let clients: Clients | undefined;
  // A delay is kept as well as the clocks of those agree who own the entity one after the other.
  const clocksAgree = options.workloads.includes('timers');
  const test: ClusterTest = {
    faults: clocksAgree ? options.faults.filter((kind) => kind !== 'clock') : options.faults,
    faultEveryMs: options.faultEveryMs,
    settleMs: SETTLE_MS,
    disks: options.disks,
    diskMs: options.diskMs,
    latencyMs: { minMs: 0.1, maxMs: options.latencyMaxMs },
    clockSkewMs: clocksAgree ? 0 : options.clockSkewMs,
    clockDrift: options.clockDrift,
    cluster: configOf(options),
    consensus: { snapshotEntries: options.snapshotEntries, trailingEntries: 10 },
    setup(node) {
      declareActors(node);
      workloads.declare(node);
    },
    async workload(cluster) {
      for (const promised of PROMISES)
        cluster.invariant(promised, () => oracle.problemWith(promised) ?? true);
      clients = new Clients(cluster, oracle, options);
      await Promise.all([clients.work(), workloads.work(cluster)]);
    },
    async check(cluster) {
      await clients!.check(SETTLE_MS / 2);
      await workloads.check(cluster, SETTLE_MS / 2);
    },
  };
  return { test, oracle };
}

/** The shorter lease is a node's default; the longer one makes the wait for it matter. */
function configOf({ shards, leaseMs }: ClusterSimOptions): Partial<ClusterConfig> {
  const leaseRenewMs = Math.min(250, leaseMs / 3);
  return { shards, leaseMs, leaseRenewMs, takeoverWaitMs: Math.ceil(leaseMs * 1.1) };
}

function reportOf(report: ClusterTestReport, options: ClusterSimOptions, oracle: Oracle): ClusterSimReport {
  const { seed, events, virtualMs, failure, hash, lines, schedule } = report;
  const checker = failure?.kind.replace(/^TUTTI_INVARIANT_BROKEN /, '') ?? '';
  return {
    seed,
    steps: events,
    virtualMs,
    violation: failure && { checker, problem: failure.problem, atMs: failure.atMs },
    traceHash: hash,
    trace: lines,
    options,
    schedule,
    exercised: oracle.counts,
  };
}

/** The parts of `options` that differ from what the seed draws: with those, the run can be had again. */
export function changedClusterOptions({ seed, options }: ClusterSimReport): Partial<ClusterSimOptions> {
  const drawn: Partial<Record<string, unknown>> = { ...drawClusterOptions(seed) };
  const changed = Object.entries(options).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(drawn[name]),
  );
  return Object.fromEntries(changed);
}
