import { escapeHtml } from '../../packages/tutti/src/report/html-report.ts';
import { againText } from '../harness/measured-again.ts';
import { peersAhead } from '../harness/peers-ahead.ts';
import { showNumber, showQuantity } from '../harness/quantity.ts';
import type { CaseResult } from '../harness/results.ts';
import { verdictWord } from '../harness/table.ts';
import type { Verdict } from '../harness/verdicts.ts';

/** What a reader wants before any detail: every line and whether it is met, and who is ahead of us. */
export function overview(cases: readonly CaseResult[], quick: boolean): string {
  return verdictTable(cases, quick) + aheadList(cases) + troubleList(cases);
}

function verdictTable(cases: readonly CaseResult[], quick: boolean): string {
  const lines = cases.flatMap((result) =>
    result.rows.flatMap((row) => {
      const { title, unit } = result.figures.find(({ id }) => id === row.figure)!;
      const value = row.samples > 0 ? showQuantity(row.value, unit) : 'no figure';
      return row.verdicts.map((verdict) =>
        verdictLine(result, title, value, verdictWord(verdict, unit, quick), rangeOf(verdict, unit), verdict),
      );
    }),
  );
  if (lines.length === 0) return '';
  return `<section id="lines"><h2>Floors and aims</h2>
<p class="sub">A floor is what has to be reached; an aim is what would make it the best there is. Ratios are to what was measured in the same run.</p>
<div class="wide"><table><thead><tr><th>case</th><th>figure</th><th>ours</th><th>asked</th><th>came out</th></tr></thead>
<tbody>${lines.join('')}</tbody></table></div></section>`;
}

function verdictLine(
  result: CaseResult,
  title: string,
  value: string,
  word: string,
  range: string,
  { level, asked, met }: Verdict,
): string {
  const look = met === undefined ? 'open' : met ? 'met' : 'missed';
  const id = escapeHtml(result.id);
  const again = againText(result);
  return `<tr class="${level}"><td><a href="#${id}">${id}</a>${again === undefined ? '' : ` <small>${again}</small>`}</td><td>${escapeHtml(title)}</td><td>${escapeHtml(value)}</td><td>${level} ${escapeHtml(asked)}</td><td><span class="${look}">${escapeHtml(word)}</span>${range}</td></tr>`;
}

function rangeOf({ asked, interval }: Verdict, unit: string): string {
  const isRatio = asked.includes('x ');
  const show = (end: number) => (isRatio ? showNumber(end) : showQuantity(end, unit));
  return interval ? ` <small>${show(interval.low)} to ${show(interval.high)}</small>` : '';
}

function aheadList(cases: readonly CaseResult[]): string {
  const lines = cases.flatMap(peersAhead);
  const body =
    lines.length === 0
      ? '<p class="note">Nobody, of those that are installed here, by more than chance could do.</p>'
      : `<ul>${lines.map(({ caseId, text }) => `<li><a href="#${escapeHtml(caseId)}">${escapeHtml(text)}</a></li>`).join('')}</ul>`;
  return `<section id="ahead"><h2>Where others are ahead</h2>${body}</section>`;
}

function troubleList(cases: readonly CaseResult[]): string {
  const lines = cases.flatMap(({ id, isBrokenOff, subjects }) => [
    ...(isBrokenOff ? [`${id} was broken off.`] : []),
    ...subjects.flatMap(({ title, failures }) =>
      failures.length === 0 ? [] : [`${id}: ${title} failed ${failures.length} times.`],
    ),
  ]);
  if (lines.length === 0) return '';
  return `<section id="failed"><h2>What failed</h2><ul>${lines.map((line) => `<li>${escapeHtml(line)}</li>`).join('')}</ul></section>`;
}
