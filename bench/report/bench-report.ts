import { escapeHtml } from '../../packages/tutti/src/report/html-report.ts';
import type { CurveSpec, Point } from '../harness/case.ts';
import type { FigureRow } from '../harness/figures.ts';
import { isBusy } from '../harness/machine.ts';
import { peersAhead } from '../harness/peers-ahead.ts';
import { showNumber, showQuantity } from '../harness/quantity.ts';
import type { CaseResult, ResultDocument } from '../harness/results.ts';
import { median } from '../harness/statistics.ts';
import type { SubjectResult } from '../harness/subject-result.ts';
import { QUICK_MARK, verdictWord } from '../harness/table.ts';
import { doubtText, type Verdict } from '../harness/verdicts.ts';
import { chart, type Series } from './chart.ts';
import { flameFigure } from './flame.ts';
import { overview } from './overview.ts';
import { STYLE } from './style.ts';

/**
 * One page that shows a run, complete in itself: no script, no font, no picture from elsewhere.
 * @param source Where the results with every sample are, for the reader
 */
export function benchReport(document: ResultDocument, source = ''): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Tutti: benchmarks</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${heading(document, source)}
${navigation(document.cases)}
${overview(document.cases, document.quick)}
${document.cases.map((result) => caseSection(result, document.quick)).join('\n')}
</main>
</body>
</html>
`;
}

function navigation(cases: readonly CaseResult[]): string {
  const links = cases.map(({ id, title }) => {
    const safe = escapeHtml(id);
    return `<a href="#${safe}" title="${escapeHtml(title)}">${safe}</a>`;
  });
  return `<nav>${links.join(' ')}</nav>`;
}

function heading(
  { startedAt, endedAt, quick, machine, loadAfter, isBrokenOff, cases }: ResultDocument,
  source: string,
): string {
  const verdicts = cases.flatMap(({ rows }) => rows.flatMap((row) => row.verdicts));
  const tally = (level: Verdict['level']) => {
    const all = verdicts.filter((verdict) => verdict.level === level);
    const open = all.filter(({ met }) => met === undefined).length;
    const met = all.filter((verdict) => verdict.met).length;
    return `${met} of ${all.length} met${doubtText(all)}${open > 0 ? `, ${open} not judged` : ''}`;
  };
  const loads = (values: readonly number[]) => values.map((value) => value.toFixed(1)).join(' ');
  const facts: [string, string][] = [
    [`floors${quick ? ` ${QUICK_MARK}` : ''}`, tally('floor')],
    [`aims${quick ? ` ${QUICK_MARK}` : ''}`, tally('aim')],
    ['processor', `${machine.processor}, ${machine.cores} cores`],
    ['memory', `${(machine.memoryBytes / 1e9).toFixed(1)} GB`],
    ['system', machine.system],
    ...(machine.disk === undefined ? [] : [['disk', machine.disk] as [string, string]]),
    ['Node', `${machine.node}, V8 ${machine.v8}`],
    ['commit', machine.commit.slice(0, 13)],
    [
      'peers',
      Object.entries(machine.versions)
        .map((pair) => pair.join(' '))
        .join(', '),
    ],
    ['took', `${((Date.parse(endedAt) - Date.parse(startedAt)) / 60_000).toFixed(1)} minutes`],
    ...(source === '' ? [] : [['every sample', source] as [string, string]]),
    ['load of the machine before, after', `${loads(machine.loadBefore)}, ${loads(loadAfter)}`],
  ];
  const items = facts
    .map(
      ([name, value]) =>
        `<div${value.length > 60 ? ' class="long"' : ''}><dt>${name}</dt><dd>${escapeHtml(value)}</dd></div>`,
    )
    .join('');
  const warnings = [
    ...(quick ? ['Quick sizes: good for a first look and for regressions, not for quoting.'] : []),
    ...(isBusy(machine) ? ['The machine was busy: ratios may hold, absolute figures will not.'] : []),
    ...(isBrokenOff ? ['The run was broken off: there is what was measured by then.'] : []),
  ];
  const warning = warnings.map((text) => `<p class="note">${text}</p>`).join('');
  return `<header><h1>Tutti: benchmarks</h1><p class="sub">${escapeHtml(startedAt)}. Ours, the limits of this machine and the peers installed on it, interleaved in one run. A range is that of the samples, and of a ratio what resampling them gives; from six samples on it is the 95 % bootstrap interval of the median. A ratio is ours over the other’s. A line is in doubt where its range lies on both sides of it, or fewer than three samples gave it. Percentiles are those of all samples’ latencies together, their range is that of the samples’ own.</p>
<dl>${items}</dl>${warning}</header>`;
}

function caseSection(result: CaseResult, quick: boolean): string {
  const { id, title, measures, payload, durability, verification, note, curves = [] } = result;
  const drawn = [
    ...curves.map((spec) => curveFigure(result, spec)),
    ...result.subjects.map(flameFigure),
  ].join('');
  const why = [...Map.groupBy(result.explanations, ({ text }) => text)].map(([text, figures]) => {
    const titles = figures.map(
      ({ figure }) => result.figures.find(({ id }) => id === figure)?.title ?? figure,
    );
    return `<p class="why"><strong>Why not more</strong> (${escapeHtml(titles.join('; '))}): ${escapeHtml(text)}</p>`;
  });
  return `<section id="${escapeHtml(id)}"><h2>${escapeHtml(id)} ${escapeHtml(title)}</h2>
<p class="sub">${escapeHtml(measures)}. Payload: ${escapeHtml(payload)}. Durability: ${escapeHtml(durability)}.</p>
<div class="wide"><table><thead><tr><th>figure</th><th>who</th><th>value</th><th>that is</th><th>floor and aim</th></tr></thead>
<tbody>${result.rows.map((row) => figureLine(result, row, quick)).join('')}</tbody></table></div>
${againNote(result)}${note === undefined ? '' : `<p class="note">${escapeHtml(note)}</p>`}
${why.join('')}${peersAhead(result)
  .map(({ text }) => `<p class="ahead">${escapeHtml(text)}.</p>`)
  .join('')}
${absences(result.subjects)}
${drawn && `<div class="charts">${drawn}</div>`}
<details><summary>How each was set up, and what was checked</summary><p>${escapeHtml(verification)}</p>${setUp(result.subjects)}</details></section>`;
}

function againNote({ again, before = [], figures }: CaseResult): string {
  if (!again) return '';
  const load = again.loadBefore.map((value) => value.toFixed(1)).join(' ');
  const notes = [
    `Measured again on ${again.at}, commit ${again.commit.slice(0, 13)}, load before ${load}.`,
    ...before.map(({ at, commit, rows }) => {
      const values = rows
        .filter(({ kind, verdicts, samples }) => kind === 'ours' && verdicts.length > 0 && samples > 0)
        .map(({ figure, subject, value }) => {
          const { title = figure, unit = '' } = figures.find(({ id }) => id === figure) ?? {};
          return `${title} ${showQuantity(value, unit)} of ${subject}`;
        });
      return `Before that, on ${at}, commit ${commit.slice(0, 13)}: ${values.join('; ')}.`;
    }),
  ];
  return notes.map((note) => `<p class="note">${escapeHtml(note)}</p>`).join('');
}

function figureLine({ figures, subjects }: CaseResult, row: FigureRow, quick: boolean): string {
  const { title, unit } = figures.find(({ id }) => id === row.figure)!;
  const subject = subjects.find(({ id }) => id === row.subject)!;
  const ratios = row.ratios
    .filter(({ kind }) => row.kind === 'ours' || kind === 'ours')
    .map(
      ({ ratio, title, interval }) =>
        `${showNumber(ratio)}x ${escapeHtml(title)} <small>${showNumber(interval.low)} to ${showNumber(interval.high)}</small>`,
    );
  const verdicts = row.verdicts.map((verdict) => verdictText(verdict, unit, quick));
  return `<tr class="${row.kind}"><td>${escapeHtml(title)}</td><td>${escapeHtml(subject.title)}</td>
<td>${valueCell(row, unit)}</td><td>${ratios.join('<br>')}</td><td>${verdicts.join('<br>')}</td></tr>`;
}

function valueCell({ value, interval: { low, high }, samples }: FigureRow, unit: string): string {
  if (samples === 0) return 'no figure';
  const range =
    samples > 1
      ? `${showQuantity(low, unit)} to ${showQuantity(high, unit)}, ${samples} samples`
      : 'one sample';
  return `${escapeHtml(showQuantity(value, unit))}<br><small>${escapeHtml(range)}</small>`;
}

function verdictText(verdict: Verdict, unit: string, quick: boolean): string {
  const look = verdict.met === undefined ? 'open' : verdict.met ? 'met' : 'missed';
  return `<span class="${look}">${verdict.level} ${escapeHtml(verdict.asked)}: ${escapeHtml(verdictWord(verdict, unit, quick))}</span>`;
}

function absences(subjects: readonly SubjectResult[]): string {
  const lines = subjects.flatMap(({ title, skipped, failures }) => [
    ...(skipped === undefined ? [] : [`${title} was skipped: ${skipped}.`]),
    ...(failures.length === 0
      ? []
      : [`${title} failed ${failures.length} times: ${failures[0]!.split('\n')[0]}`]),
  ]);
  return lines.map((line) => `<p class="note">${escapeHtml(line)}</p>`).join('');
}

function setUp(subjects: readonly SubjectResult[]): string {
  const items = subjects.map(
    ({ title, configuration, samples }) =>
      `<li><strong>${escapeHtml(title)}</strong>: ${escapeHtml(configuration)}.${samples[0] ? ` Checked: ${escapeHtml(samples[0].verified)}.` : ''}</li>`,
  );
  return `<ul>${items.join('')}</ul>`;
}

function curveFigure({ subjects }: CaseResult, spec: CurveSpec): string {
  const series = subjects.flatMap(({ title, samples }): Series[] => {
    const curves = samples.flatMap(({ curves }) => (curves?.[spec.id] ? [curves[spec.id]!] : []));
    return curves.length === 0 ? [] : [{ name: title, points: middleCurve(curves) }];
  });
  return series.length === 0 ? '' : chart(spec, series);
}

/** Point by point the median of the samples, both ways. */
function middleCurve(curves: readonly (readonly Point[])[]): Point[] {
  const length = Math.min(...curves.map((points) => points.length));
  return Array.from({ length }, (_, i) => ({
    x: median(curves.map((points) => points[i]!.x)),
    y: median(curves.map((points) => points[i]!.y)),
  }));
}
