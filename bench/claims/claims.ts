import type { ResultDocument } from '../harness/results.ts';

/** A number in a text that says where it comes from: `31 M msg/s <!-- claim: R1.rate -->`. */
export interface Claim {
  /** `CASE.FIGURE` for our value, `CASE.FIGURE/SUBJECT` for its ratio to that subject's. */
  readonly source: string;
  /** The number as it stands before the mark, such as `31 M`. */
  readonly shown: string;
  readonly line: number;
}

/** A results file and what is in it. */
export interface ResultFile {
  readonly name: string;
  readonly document: ResultDocument;
}

/** Says where the number before it comes from. */
export const MARK = /<!--\s*claim:\s*(\S+)\s*-->/g;
/** A number as texts show it; a digit in a name, as in etcd3, is none. */
export const NUMBER = /(?<![\w.])(\d[\d,]*(?:\.\d+)?)(?:\s*(k|M)(?!\w))?/g;
const SCALE: Readonly<Record<string, number>> = { k: 1e3, M: 1e6 };

/** All marked numbers of a text: for each mark, the last number before it on its line and after the mark before it. */
export function claimsIn(text: string): Claim[] {
  return text.split('\n').flatMap((content, index) => {
    let from = 0;
    return [...content.matchAll(MARK)].map((mark) => {
      const before = content.slice(from, mark.index);
      from = mark.index + mark[0].length;
      const shown = [...before.matchAll(NUMBER)].at(-1)?.[0].trim() ?? '';
      return { source: mark[1]!, shown, line: index + 1 };
    });
  });
}

/**
 * What is wrong with the claims of a text, each as a sentence. A claim holds if the newest full run that has its
 * figure gives the same number, to as many digits as the text shows.
 */
export function claimProblems(text: string, results: readonly ResultFile[]): string[] {
  return claimsIn(text).flatMap((claim) => {
    const problem = problemOf(claim, results);
    return problem === undefined ? [] : [`line ${claim.line}, ${claim.source}: ${problem}`];
  });
}

function problemOf({ source, shown }: Claim, results: readonly ResultFile[]): string | undefined {
  if (shown === '') return 'there is no number before the mark';
  const found = newestFirst(results).flatMap((file) =>
    valueIn(file.document, source).map((value) => ({ file, value })),
  )[0];
  if (!found) return 'no full run in bench/results has this figure';
  if (agrees(shown, found.value)) return undefined;
  return `the text says ${shown}, ${found.file.name} says ${found.value}`;
}

/** The full runs, the newest first. */
export function newestFirst(results: readonly ResultFile[]): ResultFile[] {
  return results
    .filter(({ document }) => !document.quick)
    .toSorted((a, b) => b.document.startedAt.localeCompare(a.document.startedAt));
}

/** The value of a claim's source in a run: none or one. */
export function valueIn({ cases }: ResultDocument, source: string): number[] {
  const [path, against] = source.split('/');
  const [caseId, figure] = path!.split('.');
  const rows = cases.find(({ id }) => id === caseId)?.rows ?? [];
  const row = rows.find((row) => row.figure === figure && row.kind === 'ours' && row.samples > 0);
  if (!row) return [];
  if (against === undefined) return [row.value];
  return row.ratios.filter(({ subject }) => subject === against).map(({ ratio }) => ratio);
}

const CODE = /```[\s\S]*?```|`[^`\n]*`/g;
/** Rates, and how many times as much as somebody else: what is never a setting and always a measurement. */
const MEASURED =
  /\b\d[\d,]*(?:\.\d+)?\s*(?:[kM]\s*)?(?:(?:messages|msg|commits|tasks|actors|reads|writes|entries|ops|sends|requests)?\/s\b|x(?= [A-Za-z])|times (?:faster|slower|as fast|as many)\b)/g;

/** Rates and ratios of a text, outside of code, that have no mark: what anybody could have written. */
export function unmarkedIn(text: string): string[] {
  const withoutCode = text.replace(CODE, (code) => code.replace(/[^\n]/g, ' '));
  return withoutCode.split('\n').flatMap((line, index) =>
    [...line.matchAll(MEASURED)].flatMap((found, i, all) => {
      const after = line.slice(found.index, all[i + 1]?.index ?? line.length);
      return /<!--\s*claim:/.test(after) ? [] : [`line ${index + 1}: ${found[0]} has no claim mark`];
    }),
  );
}

/** Whether a value, rounded to the digits that are shown, is what is shown. At least two digits count as shown. */
function agrees(shown: string, value: number): boolean {
  const [, digits = '', prefix = ''] = /^([\d,.]+)\s*(k|M)?$/.exec(shown) ?? [];
  const plain = digits.replaceAll(',', '');
  const unit = SCALE[prefix] ?? 1;
  return Math.abs(Number(plain) * unit - value) <= (stepOf(plain) * unit) / 2 + Number.EPSILON * value;
}

/** The size of the last digit that means something; zeros at the end of a whole number only fill its places. */
function stepOf(plain: string): number {
  const decimals = plain.split('.')[1]?.length ?? 0;
  if (decimals > 0) return 10 ** -decimals;
  const zeros = /0*$/.exec(plain)![0].length;
  return 10 ** Math.min(zeros, Math.max(0, plain.length - 2));
}
