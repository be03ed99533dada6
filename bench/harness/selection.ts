import { didYouMean } from '@tutti/actors';
import type { BenchCase } from './case.ts';
import type { BenchOptions } from './options.ts';
import { caseIds, loadCases } from './registry.ts';
import { type CaseResult, caseResult } from './results.ts';

/** Groups by the letter that their cases begin with. */
export const GROUPS: Readonly<Record<string, string>> = {
  runtime: 'R',
  raft: 'C',
  orchestration: 'S',
  reliability: 'F',
  headline: 'O',
  scaling: 'X',
};
const MILLION = 'million';
/** A million live actors, and routing over a million agents; by key too. */
const MILLION_CASES: readonly string[] = ['R6', 'R14', 'S4'];
const MS_PER_MINUTE = 60_000;

/**
 * The cases that are named, each once, in the registry's order: by id, by group, or `million`: live actors and
 * registered agents, a million of each even when quick, and routing over them. None named is all of them.
 * @throws Error naming what is neither
 */
export async function selectCases({
  cases: words,
  soakMinutes,
}: Pick<BenchOptions, 'cases' | 'soakMinutes'>): Promise<BenchCase[]> {
  const ids = caseIds();
  const wanted = new Set(
    words.flatMap((word) => {
      const letter = GROUPS[word.toLowerCase()];
      if (letter !== undefined) return ids.filter((id) => id.startsWith(letter));
      return word.toLowerCase() === MILLION ? MILLION_CASES : [word.toUpperCase()];
    }),
  );
  const all = [...ids, ...Object.keys(GROUPS), MILLION].map((name) => name.toUpperCase());
  const unknown = [...wanted].filter((id) => !ids.includes(id));
  if (unknown.length > 0)
    throw new Error(
      `no case or group ${unknown.join(', ')}${didYouMean(unknown[0]!, all, (name) => name.toLowerCase())}; there are ${ids.join(', ')}; ${Object.keys(GROUPS).join(', ')}; ${MILLION}`,
    );
  const named = ids.filter((id) => words.length === 0 || wanted.has(id));
  const cases = named.length === 0 ? [] : await loadCases(named);
  const isMillion = words.some((word) => word.toLowerCase() === MILLION);
  return cases.map((bench) => {
    if (isMillion && MILLION_CASES.includes(bench.id)) return withAllEvenQuick(bench);
    return soakMinutes === undefined ? bench : withSoak(bench, soakMinutes * MS_PER_MINUTE);
  });
}

/** The quick sizes with as many actors and agents as the full ones. */
function withAllEvenQuick(bench: BenchCase): BenchCase {
  const { quick, full } = bench.sizes;
  const all = Object.entries(full).filter(([name]) => name === 'actors' || name === 'agents');
  return { ...bench, sizes: { full, quick: { ...quick, ...Object.fromEntries(all) } } };
}

function withSoak(bench: BenchCase, soakMs: number): BenchCase {
  const { quick, full } = bench.sizes;
  if (full['soakMs'] === undefined) return bench;
  return { ...bench, sizes: { quick: { ...quick, soakMs }, full: { ...full, soakMs } } };
}

/** One line per case: its id, its group, its title, and who takes part. */
export function caseList(cases: readonly BenchCase[]): string {
  const groupOf = (id: string) =>
    Object.entries(GROUPS).find(([, letter]) => id.startsWith(letter))?.[0] ?? '';
  return cases
    .map(({ id, title, subjects }) => {
      const who = subjects.map((subject) => subject.id).join(', ');
      return `${id.padEnd(4)} ${groupOf(id).padEnd(14)} ${title}\n${' '.repeat(20)}${who}`;
    })
    .join('\n');
}

/**
 * Results of an earlier run, judged by the lines and the arithmetic of the cases as they are now. What was measured and
 * how it was checked is told as it was then; a case that is no longer there stays as it was.
 */
export async function judgedAnew(results: readonly CaseResult[]): Promise<CaseResult[]> {
  const ids = caseIds();
  const cases = await loadCases(results.map(({ id }) => id).filter((id) => ids.includes(id)));
  return results.map((result) => {
    const bench = cases.find(({ id }) => id === result.id);
    if (!bench) return result;
    const { targets, limits = [], subjects, sizes } = bench;
    const then = { ...result, targets, limits, subjects, sizes };
    return { ...result, ...caseResult(then, result.sizes, result.subjects, result.isBrokenOff) };
  });
}
