import { loadavg } from 'node:os';
import type { BenchCase } from './case.ts';
import type { Machine } from './machine.ts';
import { type PlannedSamples, Progress } from './progress.ts';
import { type CaseResult, inOrder, type ResultDocument, type RunSettings } from './results.ts';
import { endSamples, measureInProcess, profileInProcess } from './sample-process.ts';
import { limitMsOf, runCase, runsOf, sizesOf, subjectsOf } from './schedule.ts';

/** What a run needs beside its cases. */
export interface RunOptions {
  readonly root: string;
  readonly machine: Machine;
  readonly quick: boolean;
  readonly settings: RunSettings;
  /** An earlier part of the run: its whole cases are taken as they are, and it began when that did. */
  readonly earlier?: ResultDocument | undefined;
  readonly say: (line: string) => void;
  /** Called after each case with everything so far, so that a long run that is broken off leaves what it has. */
  readonly keep: (document: ResultDocument) => void;
  /** Ends the run: the sample under way is given up, and what there is becomes the result. */
  readonly signal: AbortSignal;
}

/** Measures the cases one after the other. */
export async function runCases(cases: readonly BenchCase[], options: RunOptions): Promise<ResultDocument> {
  const { root, quick, settings, earlier, say, keep, signal } = options;
  const { peers, profile } = settings;
  const { startedAt, machine } = earlier ?? { ...options, startedAt: new Date().toISOString() };
  const results = new Map(wholeCases(earlier).map((result) => [result.id, result]));
  const left = cases.filter(({ id }) => !results.has(id));
  const progress = new Progress(planOf(left, { quick, peers }), say);
  const documentNow = (): ResultDocument => ({
    format: 1,
    startedAt,
    endedAt: new Date().toISOString(),
    quick,
    machine,
    settings,
    loadAfter: loadavg(),
    ...(signal.aborted ? { isBrokenOff: true } : {}),
    // Also those that were not asked for this time: going on with a part of a run loses nothing of it.
    cases: inOrder([...results.values()]),
  });
  signal.addEventListener('abort', () => endSamples(), { once: true });
  for (const bench of left) {
    if (signal.aborted) break;
    const limitMs = limitMsOf(bench, quick);
    const result = await runCase(bench, {
      quick,
      peers,
      signal,
      measure: (caseId, subjectId, sizes) => measureInProcess(root, { caseId, subjectId, sizes }, limitMs),
      ...(profile
        ? {
            profile: (caseId, subjectId, sizes) =>
              profileInProcess(root, { caseId, subjectId, sizes }, limitMs),
          }
        : {}),
      onSample: (sample) => progress.sample(sample),
    });
    results.set(bench.id, result);
    keep(documentNow());
  }
  return documentNow();
}

/** The cases of an earlier part that need not be measured again. */
export function wholeCases(earlier: ResultDocument | undefined): CaseResult[] {
  return (earlier?.cases ?? []).filter(({ isBrokenOff }) => !isBrokenOff);
}

function planOf(
  cases: readonly BenchCase[],
  { quick, peers }: { readonly quick: boolean; readonly peers: boolean },
): Map<string, PlannedSamples> {
  return new Map(
    cases.flatMap((bench) => {
      const expectedS = bench.expectedS?.(sizesOf(bench, quick));
      const plan = {
        samples: runsOf(bench, quick),
        expectedMs: expectedS === undefined ? undefined : expectedS * 1_000,
      };
      return subjectsOf(bench, { peers })
        .filter(({ skipped }) => skipped === undefined)
        .map(({ subject }) => [`${bench.id} ${subject.id}`, plan] as const);
    }),
  );
}

/** Everything that did not work, by name: what decides the exit code. */
export function failuresIn(cases: readonly CaseResult[]): string[] {
  return cases.flatMap(({ id, subjects }) =>
    subjects
      .filter(({ failures }) => failures.length > 0)
      .map((subject) => `${id} ${subject.id}, ${subject.failures.length} times`),
  );
}
