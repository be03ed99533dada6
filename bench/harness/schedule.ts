import type { BenchCase, Measurement, Sizes, Subject } from './case.ts';
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
  readonly onSample: (sample: SampleNotice) => void;
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

const RUNS_FULL = 5;
const RUNS_QUICK = 3;

/** How many samples of each subject a run takes. */
export function runsOf(bench: BenchCase, quick: boolean): number {
  return Math.min(bench.runs ?? RUNS_FULL, quick ? RUNS_QUICK : RUNS_FULL);
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
  const sizes = options.quick ? bench.sizes.quick : bench.sizes.full;
  const runs = runsOf(bench, options.quick);
  const subjects = subjectsOf(bench, options);
  const active = subjects.flatMap(({ subject, skipped }) => (skipped === undefined ? [subject] : []));
  const samples = new Map(active.map(({ id }) => [id, [] as Measurement[]]));
  const failures = new Map(active.map(({ id }) => [id, [] as string[]]));
  for (let run = 1; run <= runs; run++) {
    for (const { id } of run % 2 === 1 ? active : active.toReversed()) {
      const start = performance.now();
      let problem: string | undefined;
      try {
        samples.get(id)!.push(await options.measure(bench.id, id, sizes));
      } catch (thrown) {
        problem = thrown instanceof Error ? thrown.message : String(thrown);
        failures.get(id)!.push(problem);
      }
      const elapsedMs = performance.now() - start;
      options.onSample({ caseId: bench.id, subjectId: id, run, runs, elapsedMs, problem });
    }
  }
  const results = subjects.map(({ subject, skipped }): SubjectResult => {
    const { id, kind, title, configuration } = subject;
    const own = { samples: samples.get(id) ?? [], failures: failures.get(id) ?? [] };
    return { id, kind, title, configuration, ...own, ...(skipped === undefined ? {} : { skipped }) };
  });
  return caseResult(bench, sizes, results);
}
