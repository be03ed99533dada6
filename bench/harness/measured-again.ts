import type { BenchCase } from './case.ts';
import { type Conditions, differences } from './conditions.ts';
import { readResults } from './result-file.ts';
import { type CaseResult, type FormerResult, inOrder, type ResultDocument } from './results.ts';
import { type ScheduleOptions, subjectsOf } from './schedule.ts';

/**
 * The run in a file, some cases of which are to be measured again.
 * @throws Error when there is none; when it was made with other sizes or on another machine, so that what is measured
 * now does not belong beside it; or when it has samples of what would be skipped now
 */
export function runToMend(
  path: string,
  current: Conditions,
  cases: readonly BenchCase[],
  options: Pick<ScheduleOptions, 'peers' | 'missing'>,
): ResultDocument {
  const document = readResults(path);
  const found = [...differences(document, current), ...lostNow(document, cases, options)];
  if (found.length === 0) return document;
  throw new Error(
    `${path} cannot be mended: ${found.join('; ')}. Measure everything, or give another --json`,
  );
}

/** Whose samples the run has, and would lose. */
function lostNow(
  { cases: former }: ResultDocument,
  cases: readonly BenchCase[],
  options: Pick<ScheduleOptions, 'peers' | 'missing'>,
): string[] {
  return cases.flatMap((bench) => {
    const had = former.find(({ id }) => id === bench.id)?.subjects ?? [];
    return subjectsOf(bench, options).flatMap(({ subject, skipped }) => {
      const isLost = had.some(({ id, samples }) => id === subject.id && samples.length > 0);
      return skipped !== undefined && isLost ? [`${bench.id} ${subject.id} would be lost: ${skipped}`] : [];
    });
  });
}

/**
 * The run with the cases that are whole in the later one in their places, new ones too; each says when, of which commit
 * it is, and what was measured in its place before: nobody picks the best of several without saying so.
 */
export function mended(run: ResultDocument, later: ResultDocument): ResultDocument {
  const again = { at: later.startedAt, commit: later.machine.commit, loadBefore: later.machine.loadBefore };
  const all = new Map(run.cases.map((result): [string, CaseResult] => [result.id, result]));
  for (const result of later.cases.filter(({ isBrokenOff }) => !isBrokenOff)) {
    const former = all.get(result.id);
    const before = former && { before: [...(former.before ?? []), formerOf(run, former)] };
    all.set(result.id, { ...result, again, ...before });
  }
  return { ...run, cases: inOrder([...all.values()]) };
}

function formerOf(run: ResultDocument, { again, rows }: CaseResult): FormerResult {
  return { at: again?.at ?? run.startedAt, commit: again?.commit ?? run.machine.commit, rows };
}

/** For a line that was not measured with its run: that it was not, and how often it has been. */
export function againText({ again, before = [] }: CaseResult): string | undefined {
  if (!again) return undefined;
  return before.length === 0 ? 'measured later' : `the last of ${before.length + 1} measurements`;
}
