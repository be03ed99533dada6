import { showDuration } from '@tutti/kernel';
import type { RunDocument } from '../run/run-document.ts';
import { STYLE } from './style.ts';
import { type Timeline, type TimelineBar, timelineOf } from './timeline.ts';

/** Text made safe to stand in HTML, attributes included. */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replaceAll(/[&<>"']/g, (sign) => entities[sign]!);
}

/**
 * One page that shows a run, complete in itself: no script, no font, no picture from elsewhere. Bars per task and
 * per node, barriers and kills across them, and the tables underneath.
 */
export function htmlReport(run: RunDocument): string {
  const timeline = timelineOf(run);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(run.plan)}: ${run.state}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${heading(run)}
${conflicts(run)}
<section><h2>Tasks in time</h2>${legend(run)}${chart(timeline, byTask(run, timeline))}</section>
<section><h2>Nodes in time</h2>${chart(timeline, byNode(run, timeline))}</section>
${barriers(run)}
${tasks(run)}
</main>
</body>
</html>
`;
}

function heading(run: RunDocument): string {
  const done = run.tasks.filter((task) => task.state === 'done').length;
  const work = run.tasks.reduce(
    (sum, task) => sum + Math.max(0, (task.endedAt ?? 0) - (task.startedAt ?? 0)),
    0,
  );
  const speedUp = run.makespanMs > 0 ? (work / run.makespanMs).toFixed(1) : '-';
  const facts: [string, string][] = [
    ['state', run.state],
    ['tasks done', `${done} of ${run.tasks.length}`],
    ['makespan', showDuration(run.makespanMs)],
    ['work in tasks', `${showDuration(work)} (${speedUp}x in parallel)`],
    ['lost', String(run.lost)],
    ['committed twice', String(run.committedTwice)],
    ['late results refused', String(run.staleResults)],
    ['leader', leaderText(run)],
  ];
  const items = facts
    .map(([name, value]) => `<div><dt>${name}</dt><dd>${escapeHtml(value)}</dd></div>`)
    .join('');
  const problem = run.problem
    ? `<p class="problem">${escapeHtml(`${run.problem.code}: ${run.problem.message}`)}</p>`
    : '';
  return `<header><h1>${escapeHtml(run.plan)}</h1>
<p class="sub">session ${escapeHtml(run.session)} &middot; ${run.mode} &middot; ${run.time} time &middot; ${new Date(run.openedAt).toISOString()}</p>
<dl>${items}</dl>${problem}</header>`;
}

function leaderText(run: RunDocument): string {
  const { first, last } = run.leader;
  return first === last ? (first ?? 'none') : `${first ?? 'none'}, then ${last ?? 'none'}`;
}

function conflicts(run: RunDocument): string {
  const found = run.barriers.flatMap((barrier) =>
    barrier.conflicts.map((conflict) => ({ barrier, conflict })),
  );
  if (found.length === 0) return '';
  const rows = found.map(({ barrier, conflict }) => {
    const sides = conflict.sides
      .map(
        (side) =>
          `<div><h4>${escapeHtml(side.orchestrator)} <small>${escapeHtml(side.task)}</small></h4><pre>${escapeHtml(JSON.stringify(side.value, undefined, 2) ?? '')}</pre></div>`,
      )
      .join('');
    return `<article><h3>${escapeHtml(barrier.title)}: ${escapeHtml(conflict.subject)}</h3><p>${escapeHtml(conflict.explanation)}</p><div class="sides">${sides}</div></article>`;
  });
  return `<section class="conflicts"><h2>Conflicts</h2>${rows.join('')}</section>`;
}

function legend(run: RunDocument): string {
  const names = [...new Set(run.tasks.map((task) => task.orchestrator))];
  const swatch = (kind: string, text: string) =>
    `<span><svg viewBox="0 0 14 14" aria-hidden="true"><rect class="bar ${escapeHtml(kind)}" width="14" height="14" rx="3"/></svg>${escapeHtml(text)}</span>`;
  const again = run.tasks.some((task) => task.attempts > 1)
    ? swatch('lost', 'an attempt that was lost or failed')
    : '';
  return `<p class="legend">${names.map((name) => swatch(name, name)).join('')}${again}<span>red line: a kill -9</span><span>dotted: a barrier is released</span></p>`;
}

interface Lane {
  readonly label: string;
  readonly bars: readonly (TimelineBar & { readonly row: number })[];
  readonly rows: number;
}

function byTask(run: RunDocument, { bars }: Timeline): Lane[] {
  const barsOf = Map.groupBy(bars, (bar) => bar.task);
  return run.tasks.map((task) => ({
    label: task.title,
    bars: (barsOf.get(task.id) ?? []).map((bar) => ({ ...bar, row: 0 })),
    rows: 1,
  }));
}

/** Bars of one node in as few rows as they fit in without covering one another. */
function byNode(run: RunDocument, { bars }: Timeline): Lane[] {
  return run.nodes.map((node) => {
    const ends: number[] = [];
    const own = bars.filter((bar) => bar.node === node.id).sort((a, b) => a.from - b.from);
    const placed = own.map((bar) => {
      const free = ends.findIndex((end) => end <= bar.from);
      const row = free === -1 ? ends.length : free;
      ends[row] = bar.to;
      return { ...bar, row };
    });
    return {
      label: `${node.id}${node.state === 'killed' ? ' (killed)' : ''}`,
      bars: placed,
      rows: Math.max(1, ends.length),
    };
  });
}

const LABEL_WIDTH = 210;
const CHART_WIDTH = 900;
const ROW_HEIGHT = 22;
const AXIS_HEIGHT = 26;

function chart(timeline: Timeline, lanes: readonly Lane[]): string {
  const x = (ms: number) => LABEL_WIDTH + (ms / timeline.lengthMs) * CHART_WIDTH;
  let top = AXIS_HEIGHT;
  const rows = lanes.map((lane) => {
    const drawn = drawLane(lane, top, x);
    top += lane.rows * ROW_HEIGHT;
    return drawn;
  });
  const width = LABEL_WIDTH + CHART_WIDTH + 10;
  return `<div class="chart"><svg viewBox="0 0 ${width} ${top + 6}" role="img" aria-label="timeline">
${axis(timeline.lengthMs, top, x)}${rows.join('')}${marks(timeline, top, x)}</svg></div>`;
}

function axis(lengthMs: number, bottom: number, x: (ms: number) => number): string {
  const step = niceStep(lengthMs / 8);
  const ticks: string[] = [];
  for (let at = 0; at <= lengthMs; at += step)
    ticks.push(
      `<line class="grid" x1="${x(at)}" x2="${x(at)}" y1="${AXIS_HEIGHT - 6}" y2="${bottom}"/><text class="tick" x="${x(at)}" y="14">${showDuration(at)}</text>`,
    );
  return ticks.join('');
}

/** 1, 2 or 5 times a power of ten, not below the given number. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least) ?? 10 * power;
}

function drawLane(lane: Lane, top: number, x: (ms: number) => number): string {
  const label = `<text class="label" x="${LABEL_WIDTH - 8}" y="${top + 15}">${escapeHtml(lane.label)}</text>`;
  const bars = lane.bars.map((bar) => {
    const y = top + bar.row * ROW_HEIGHT + 3;
    const about = `${bar.title}, attempt ${bar.attempt} on ${bar.node}: ${bar.outcome} after ${showDuration(bar.to - bar.from)}${bar.problem ? `. ${bar.problem}` : ''}`;
    const kind = `${escapeHtml(bar.orchestrator)} ${escapeHtml(bar.outcome)}`;
    return `<rect class="bar ${kind}" x="${x(bar.from)}" y="${y}" width="${Math.max(2, x(bar.to) - x(bar.from))}" height="${ROW_HEIGHT - 6}" rx="3"><title>${escapeHtml(about)}</title></rect>`;
  });
  return label + bars.join('');
}

function marks(timeline: Timeline, bottom: number, x: (ms: number) => number): string {
  return timeline.marks
    .map(
      (mark) =>
        `<g class="mark ${mark.kind}"><line x1="${x(mark.at)}" x2="${x(mark.at)}" y1="${AXIS_HEIGHT - 6}" y2="${bottom}"/><circle cx="${x(mark.at)}" cy="${AXIS_HEIGHT - 6}" r="4"><title>${escapeHtml(mark.label)}</title></circle></g>`,
    )
    .join('');
}

function barriers(run: RunDocument): string {
  if (run.barriers.length + run.kills.length === 0) return '';
  const rows = run.barriers.map((barrier) => {
    const arrivals = Object.entries(barrier.arrivals)
      .map(([who, at]) => `${escapeHtml(who)} +${showDuration(at - run.openedAt)}`)
      .join(', ');
    const released =
      barrier.releasedAt === undefined ? '-' : `+${showDuration(barrier.releasedAt - run.openedAt)}`;
    return `<tr><td>${escapeHtml(barrier.title)}</td><td>${barrier.state}</td><td>${arrivals}</td><td>${released}</td><td>${barrier.waitMs === undefined ? '-' : showDuration(barrier.waitMs)}</td></tr>`;
  });
  const kills = run.kills.map(
    (kill) =>
      `<tr><td>kill -9 ${escapeHtml(kill.node)}</td><td>${kill.role}</td><td>+${showDuration(kill.at - run.openedAt)}</td><td>${escapeHtml(kill.newLeader ?? '-')}</td><td>${kill.gapMs === undefined ? '-' : showDuration(kill.gapMs)}</td></tr>`,
  );
  const killTable =
    kills.length === 0
      ? ''
      : `<h2>Kills</h2><table><thead><tr><th>what</th><th>role</th><th>when</th><th>leader after</th><th>gap to the next completion</th></tr></thead><tbody>${kills.join('')}</tbody></table>`;
  const barrierTable =
    rows.length === 0
      ? ''
      : `<h2>Barriers</h2><table><thead><tr><th>barrier</th><th>state</th><th>arrivals</th><th>released</th><th>first arrival to release</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
  return `<section>${killTable}${barrierTable}</section>`;
}

function tasks(run: RunDocument): string {
  const rows = run.tasks.map((task) => {
    const took =
      task.startedAt !== undefined && task.endedAt !== undefined
        ? showDuration(task.endedAt - task.startedAt)
        : '-';
    const attempts = task.attemptLog
      .map((attempt) => `${attempt.node}: ${attempt.outcome ?? 'running'}`)
      .join(', ');
    return `<tr><td>${task.level}</td><td>${escapeHtml(task.title)}</td><td>${escapeHtml(task.orchestrator)}</td><td>${escapeHtml(task.node ?? '-')}</td><td>${task.state}</td><td>${task.attempts}</td><td>${task.fence ?? '-'}</td><td>${took}</td><td>${escapeHtml(attempts)}</td></tr>`;
  });
  return `<section><h2>Tasks</h2><table><thead><tr><th>wave</th><th>task</th><th>orchestrator</th><th>node</th><th>state</th><th>attempts</th><th>fence</th><th>took</th><th>every attempt</th></tr></thead><tbody>${rows.join('')}</tbody></table></section>`;
}
