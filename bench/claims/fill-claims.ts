import { MARK, NUMBER, type ResultFile, valueIn } from './claims.ts';
import { type CaseFiles, headlineTable } from './headline.ts';
import { showClaim } from './show-claim.ts';

/** Between these two lines of a text stands the table of headline figures, made anew each time. */
const BLOCK = /(<!-- measured: begin -->\n)[\s\S]*?(\n<!-- measured: end -->)/;

export interface FilledClaims {
  readonly text: string;
  /** How many numbers now are those of the results. */
  readonly filled: number;
  /** Sources of marks that the results have no figure for; their numbers stay as they were. */
  readonly missing: readonly string[];
}

/** Puts the numbers of a results file before the marks of a text, and makes its table of headline figures. */
export function fillClaims(
  text: string,
  { name, document }: ResultFile,
  files: CaseFiles = new Map(),
): FilledClaims {
  const missing: string[] = [];
  let filled = 0;
  const withTable = text.replace(
    BLOCK,
    (_, begin: string, end: string) => begin + headlineTable(document, name, files) + end,
  );
  const lines = withTable.split('\n').map((line) => {
    let from = 0;
    let out = '';
    for (const mark of line.matchAll(MARK)) {
      const before = line.slice(from, mark.index);
      from = mark.index + mark[0].length;
      const value = valueIn(document, mark[1]!)[0];
      const number = [...before.matchAll(NUMBER)].at(-1);
      if (value === undefined || !number) missing.push(mark[1]!);
      else filled++;
      out += value === undefined || !number ? before : withNumber(before, number, value);
      out += mark[0];
    }
    return out + line.slice(from);
  });
  return { text: lines.join('\n'), filled, missing };
}

function withNumber(before: string, number: RegExpMatchArray, value: number): string {
  const end = number.index! + number[0].trimEnd().length;
  return `${before.slice(0, number.index)}${showClaim(value)}${before.slice(end)}`;
}
