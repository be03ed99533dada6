import type { BenchCase, Measurement, Sizes, Subject } from './case.ts';
import type { ProfileSummary } from './profile.ts';
import { missing } from './requirements.ts';
import { type CaseResult, caseResult } from './results.ts';
import type { SubjectResult } from './subject-result.ts';

/** What a bench run is told to do. */
export interface ScheduleOptions {
  readonly quick: boolean;
  /** Whether subjects of others are run; without them only ours, its ablations and the limits are. */
  readonly peers: boolean;
  /** Measures one sample. Handed in, so that the order can be tested without processes. */
  readonly measure: (caseId: string, subjectId: string, sizes: Sizes) => Promise<Measurement>;
  /** Runs ours once more under a profiler, after the samples; without it nothing is profiled. */
  readonly profile?: (caseId: string, subjectId: string, sizes: Sizes) => Promise<ProfileSummary | undefined>;
  readonly onSample: (sample: SampleNotice) => void;
  /** Takes no further sample once it is aborted; what there is by then is kept. */
  readonly signal?: AbortSignal;
  /** Why a subject cannot run here; by default what {@link missing} says. */
  readonly missing?: typeof missing;
}

/** Told of every sample that ended. */
export interface SampleNotice {
  readonly caseId: string;
  readonly subjectId: string;
  readonly run: number;
  readonly runs: number;
  readonly elapsedMs: number;
  readonly problem: string | undefined;
}

const RUNS = { quick: 3, full: 5 } as const;
const LIMIT_S_QUICK = 60;
const LIMIT_S_FULL = 120;

/** How many samples of each subject a run takes. */
export function runsOf(bench: BenchCase, quick: boolean): number {
  return (bench.runs ?? RUNS)[quick ? 'quick' : 'full'];
}

/** The sizes of a quick or of a full run. */
export function sizesOf(bench: BenchCase, quick: boolean): Sizes {
  return quick ? bench.sizes.quick : bench.sizes.full;
}

/** When a sample is ended and counts as failed, in milliseconds: nothing that hangs holds the run up for longer. */
export function limitMsOf(bench: BenchCase, quick: boolean): number {
  const expectedS = bench.expectedS?.(sizesOf(bench, quick)) ?? 0;
  return 1_000 * Math.max(quick ? LIMIT_S_QUICK : LIMIT_S_FULL, 3 * expectedS + LIMIT_S_QUICK);
}

/** The subjects that a run will measure, and for the others why not. */
export function subjectsOf(
  bench: BenchCase,
  options: Pick<ScheduleOptions, 'peers' | 'missing'>,
): { readonly subject: Subject; readonly skipped: string | undefined }[] {
  const why = options.missing ?? missing;
  return bench.subjects.map((subject) => ({
    subject,
    skipped: subject.kind === 'peer' && !options.peers ? 'peers were not asked for' : why(subject.requires),
  }));
}

/**
 * Runs one case: in each round every subject once, each in a fresh process, every second round backwards. So a
 * machine that gets slower or busier over the minutes does so for all of them alike.
 */
export async function runCase(bench: BenchCase, options: ScheduleOptions): Promise<CaseResult> {
  const sizes = sizesOf(bench, options.quick);
  const runs = runsOf(bench, options.quick);
  const subjects = subjectsOf(bench, options);
  const active = subjects.flatMap(({ subject, skipped }) => (skipped === undefined ? [subject] : []));
  const samples = new Map(active.map(({ id }) => [id, [] as Measurement[]]));
  const failures = new Map(active.map(({ id }) => [id, [] as string[]]));
  for (let run = 1; run <= runs; run++) {
    for (const { id } of run % 2 === 1 ? active : active.toReversed()) {
      if (options.signal?.aborted) break;
      const start = performance.now();
      let problem: string | undefined;
      try {
        samples.get(id)!.push(await options.measure(bench.id, id, sizes));
      } catch (thrown) {
        // A sample that was broken off with the run has not failed.
        if (options.signal?.aborted) break;
        problem = thrown instanceof Error ? thrown.message : String(thrown);
        failures.get(id)!.push(problem);
      }
      const elapsedMs = performance.now() - start;
      options.onSample({ caseId: bench.id, subjectId: id, run, runs, elapsedMs, problem });
    }
  }
  const profiles = await profilesOf(bench, active, options);
  const results = subjects.map(({ subject, skipped }): SubjectResult => {
    const { id, kind, title, configuration } = subject;
    const own = { samples: samples.get(id) ?? [], failures: failures.get(id) ?? [] };
    const profile = profiles.get(id);
    return {
      id,
      kind,
      title,
      configuration,
      ...own,
      ...(skipped === undefined ? {} : { skipped }),
      ...(profile === undefined ? {} : { profile }),
    };
  });
  return caseResult(bench, sizes, results, options.signal?.aborted ?? false);
}

/** A profile is for the reader: a subject that cannot be profiled is none the worse for it. */
async function profilesOf(
  bench: BenchCase,
  active: readonly Subject[],
  { profile, signal }: ScheduleOptions,
): Promise<Map<string, ProfileSummary>> {
  const profiles = new Map<string, ProfileSummary>();
  for (const { id, kind } of active) {
    if (!profile || kind !== 'ours' || bench.isProfiled === false || signal?.aborted) continue;
    try {
      const summary = await profile(bench.id, id, bench.sizes.quick);
      if (summary) profiles.set(id, summary);
    } catch {
      // Its samples are there, and say what went wrong if something did.
    }
  }
  return profiles;
}
