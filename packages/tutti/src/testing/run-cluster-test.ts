import { isTuttiError, messageOf, seededRandom, TuttiError } from '@tutti/kernel';
import type { ClusterTest, ClusterTestSource } from './cluster-test.ts';
import { drawSchedule } from './draw-schedule.ts';
import { FAULT_KINDS, type Fault } from './fault.ts';
import { TestCluster } from './test-cluster.ts';
import { namesOf } from './test-cluster-options.ts';
import { Trouble } from './trouble.ts';

/** Which run of a test. What is left out the test and the seed say. */
export interface ClusterTestRun {
  readonly seed: number;
  readonly nodes?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly schedule?: readonly Fault[] | undefined;
  /** Lines of trace to keep; default 400. */
  readonly traceLines?: number | undefined;
}

/** What broke. */
export interface ClusterTestFailure {
  /** Two failures of one kind are taken to be of one cause. */
  readonly kind: string;
  readonly problem: string;
  /** When, in milliseconds of virtual time from the start. */
  readonly atMs: number;
}

/** What one run came to. */
export interface ClusterTestReport {
  readonly seed: number;
  readonly nodes: number;
  readonly durationMs: number;
  readonly schedule: readonly Fault[];
  readonly failure: ClusterTestFailure | undefined;
  readonly hash: string;
  readonly events: number;
  readonly virtualMs: number;
  /** The last lines of the trace. */
  readonly lines: readonly string[];
}

const DEFAULTS = { nodes: 3, durationMs: 20_000, settleMs: 60_000, faultEveryMs: 1_500 };
const TRACE_LINES = 400;

/** Plays a test once. The same run gives the same report. */
export async function runClusterTest(
  source: ClusterTestSource,
  run: ClusterTestRun,
): Promise<ClusterTestReport> {
  const test = typeof source === 'function' ? source() : source;
  const { seed } = run;
  const nodes = run.nodes ?? test.nodes ?? DEFAULTS.nodes;
  const durationMs = run.durationMs ?? test.durationMs ?? DEFAULTS.durationMs;
  const schedule = run.schedule ?? schedulesOf(test, seed, nodes, durationMs);
  const cluster = new TestCluster({
    ...optionsOf(test),
    nodes,
    seed,
    traceLines: run.traceLines ?? TRACE_LINES,
  });
  const settleMs = test.settleMs ?? DEFAULTS.settleMs;
  let failure: ClusterTestFailure | undefined;
  try {
    const limitMs = durationMs + 4 * settleMs + 60_000;
    await cluster.drive(() => play(test, cluster, { durationMs, settleMs, schedule }), limitMs);
  } catch (thrown) {
    failure = { kind: kindOf(thrown), problem: messageOf(thrown), atMs: Math.round(cluster.now()) };
  }
  const { hash, events, lines } = cluster.trace();
  const virtualMs = Math.round(cluster.now());
  return { seed, nodes, durationMs, schedule, failure, hash, events, virtualMs, lines };
}

function schedulesOf(test: ClusterTest, seed: number, nodes: number, durationMs: number): readonly Fault[] {
  return drawSchedule(seededRandom(seed).fork('schedule'), {
    nodes: namesOf(nodes),
    durationMs,
    everyMs: test.faultEveryMs ?? DEFAULTS.faultEveryMs,
    kinds: test.faults ?? FAULT_KINDS,
  });
}

/** The parts of a test that are the cluster's. */
function optionsOf({
  setup,
  latencyMs,
  diskMs,
  disks,
  clockSkewMs,
  clockDrift,
  cluster,
  consensus,
  threads,
}: ClusterTest) {
  const all = { setup, latencyMs, diskMs, disks, clockSkewMs, clockDrift, cluster, consensus, threads };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

interface Course {
  readonly durationMs: number;
  readonly settleMs: number;
  readonly schedule: readonly Fault[];
}

async function play(test: ClusterTest, cluster: TestCluster, course: Course): Promise<void> {
  const { durationMs, settleMs, schedule } = course;
  await cluster.start();
  const trouble = new Trouble(cluster);
  trouble.begin(schedule.filter(({ at }) => at < durationMs));
  const work = test.workload(cluster);
  await Promise.race([cluster.sleep(durationMs), onlyFailure(work)]);
  trouble.end();
  const inTime = (promise: Promise<unknown>, what: string): Promise<unknown> =>
    Promise.race([promise, stuckAfter(cluster, settleMs, what)]);
  await inTime(work, 'The workload');
  await inTime(cluster.untilWhole(2 * settleMs), 'The cluster, on its way to be whole,');
  await inTime(Promise.resolve(test.check?.(cluster)), 'The check');
}

function onlyFailure(promise: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => void promise.catch(reject));
}

async function stuckAfter(cluster: TestCluster, limitMs: number, what: string): Promise<never> {
  await cluster.sleep(limitMs);
  throw new TuttiError('TUTTI_TEST_STUCK', { what, limitMs, seed: cluster.seed });
}

function kindOf(thrown: unknown): string {
  if (isTuttiError(thrown, 'TUTTI_INVARIANT_BROKEN'))
    return `${thrown.code} ${String(thrown.details['name'])}`;
  if (isTuttiError(thrown, 'TUTTI_TEST_STUCK')) return `${thrown.code} ${String(thrown.details['what'])}`;
  if (isTuttiError(thrown)) return thrown.code;
  return thrown instanceof Error ? `${thrown.name} ${wordsOf(thrown.message)}` : 'thrown';
}

/** What tells one failed check from another: its first line without numbers and values, which a smaller run has others of. */
function wordsOf(message: string): string {
  const [first = ''] = message.split('\n');
  return first.replaceAll(/\[.*\]|\{.*\}|"[^"]*"|'[^']*'|\d+(?:[.,\s]+\d+)*/g, '#');
}
