import type { FigureRow } from './figures.ts';
import { peersAhead } from './peers-ahead.ts';
import { showNumber, showQuantity } from './quantity.ts';
import type { CaseResult } from './results.ts';
import { doubtText, type Verdict } from './verdicts.ts';

/** What a verdict on a quick run is marked with: the line was drawn for the full sizes. */
export const QUICK_MARK = 'at quick sizes';

/** The results as text: per case its line, then one line per figure of ours. */
export function resultTable(cases: readonly CaseResult[], quick: boolean): string {
  return cases.map((result) => caseText(result, quick)).join('\n\n');
}

function caseText(result: CaseResult, quick: boolean): string {
  const lines = [`${result.id}  ${result.title}`];
  for (const row of result.rows) if (isLine(result, row)) lines.push(rowText(result, row, quick));
  for (const { id, skipped, failures } of result.subjects) {
    if (skipped !== undefined) lines.push(`  skipped ${id}: ${skipped}`);
    if (failures.length > 0)
      lines.push(`  FAILED ${id}, ${failures.length} times: ${failures[0]!.split('\n')[0]}`);
  }
  return lines.join('\n');
}

/** What a reader looks for after a long table: what is met, who is ahead of us, what failed and what was not here. */
export function summaryText(cases: readonly CaseResult[], quick: boolean): string {
  const judged = cases.flatMap(({ id, rows }) =>
    rows.flatMap(({ figure, verdicts }) => verdicts.map((verdict) => ({ id, figure, verdict }))),
  );
  const tally = (level: Verdict['level']) => {
    const all = judged.filter(({ verdict }) => verdict.level === level);
    const named = (word: string, isOne: (verdict: Verdict) => boolean) => {
      const names = all.filter(({ verdict }) => isOne(verdict));
      const texts = names.map(({ id, figure, verdict }) => `${id}.${figure} ${verdict.asked}`);
      return texts.length > 0 ? `; ${word}: ${texts.join(', ')}` : '';
    };
    const met = all.filter(({ verdict }) => verdict.met).length;
    return `${level}s met${quick ? ` ${QUICK_MARK}, which are not to be quoted` : ''}: ${met} of ${all.length}${doubtText(all.map(({ verdict }) => verdict))}${named('not met', (verdict) => verdict.met === false)}${named('not judged', (verdict) => verdict.met === undefined)}`;
  };
  const ahead = cases.flatMap(peersAhead).map(({ text }) => text);
  const failed = cases.flatMap(({ id, subjects }) =>
    subjects.flatMap((one) =>
      one.failures.length > 0 ? [`${id} ${one.id} (${one.failures.length} samples)`] : [],
    ),
  );
  const skipped = cases.flatMap(({ id, subjects }) =>
    subjects.flatMap((one) => (one.skipped === undefined ? [] : [`${id} ${one.id}: ${one.skipped}`])),
  );
  return [
    tally('floor'),
    tally('aim'),
    ...(ahead.length > 0 ? [`others are ahead: ${ahead.join('; ')}`] : []),
    ...(failed.length > 0 ? [`failed: ${failed.join(', ')}`] : []),
    ...(skipped.length > 0 ? [`skipped: ${skipped.join('; ')}`] : []),
  ].join('\n');
}

/** Ours and its ablations have lines of their own; others where they alone have a figure. */
function isLine({ rows }: CaseResult, { kind, figure }: FigureRow): boolean {
  if (kind === 'ours' || kind === 'ablation') return true;
  return !rows.some((row) => row.figure === figure && row.kind === 'ours');
}

function rowText(result: CaseResult, row: FigureRow, quick: boolean): string {
  const { title, unit } = result.figures.find(({ id }) => id === row.figure)!;
  const isAlone = !result.rows.some(
    (other) => other !== row && other.figure === row.figure && other.kind === 'ours',
  );
  const name = row.kind === 'ours' && isAlone ? title : `${title}, ${row.subject}`;
  const ratios = row.ratios
    .filter(({ kind }) => row.kind === 'ours' || kind === 'ours')
    .map(
      ({ subject, ratio }) => `${showNumber(ratio)}x ${subject} (${showQuantity(row.value / ratio, unit)})`,
    );
  const parts = [valueText(row, unit), ratios.join(', '), verdictsText(row.verdicts, unit, quick)];
  return `  ${name.padEnd(34)} ${parts.filter((part) => part !== '').join(' | ')}`;
}

function valueText({ value, interval: { low, high }, samples }: FigureRow, unit: string): string {
  if (samples === 0) return 'no figure';
  const range = samples > 1 ? `${showQuantity(low, unit)} to ${showQuantity(high, unit)}` : 'one sample';
  return `${showQuantity(value, unit)} (${range})`;
}

function verdictsText(verdicts: readonly Verdict[], unit: string, quick: boolean): string {
  return verdicts
    .map((verdict) => `${verdict.level} ${verdict.asked}: ${verdictWord(verdict, unit, quick)}`)
    .join('; ');
}

/** `met` or `not met` with the number, or that it cannot be said. */
export function verdictWord({ asked, got, met, why, doubt }: Verdict, unit: string, quick: boolean): string {
  if (met === undefined) return `not judged, ${why ?? 'it was not measured'}`;
  const words = [`${met ? 'met' : 'not met'}${quick ? ` ${QUICK_MARK}` : ''}`, why, doubt];
  const shown = words.filter((word) => word !== undefined).join(', ');
  if (got === undefined) return shown;
  return `${shown} (${asked.includes('x ') ? `${showNumber(got)}x` : showQuantity(got, unit)})`;
}
