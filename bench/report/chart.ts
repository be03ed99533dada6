import { escapeHtml } from '../../packages/tutti/src/report/html-report.ts';
import type { CurveSpec, Point } from '../harness/case.ts';
import { showNumber } from '../harness/quantity.ts';
import { logLogSlope } from '../harness/statistics.ts';

/** One line of a chart. */
export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
}

const WIDTH = 560;
const HEIGHT = 300;
const LEFT = 60;
const BOTTOM = 44;
const TOP = 30;
const RIGHT = 26;
const COLOURS = 6;
const TICKS = 4;

/**
 * A figure with its lines drawn, on logarithmic axes where the slope is what matters; the first line is ours. What has no
 * place on its axes, as 0 has none on a logarithmic one, is left out; nothing is drawn of nothing.
 */
export function chart(spec: CurveSpec, all: readonly Series[]): string {
  const isLogarithmic = spec.logarithmic === true;
  const hasPlace = (value: number) => Number.isFinite(value) && (!isLogarithmic || value > 0);
  const series = all.map(({ name, points }) => ({
    name,
    points: points.filter(({ x, y }) => hasPlace(x) && hasPlace(y)),
  }));
  const points = series.flatMap(({ points }) => points);
  if (points.length === 0) return '';
  const x = axis(
    points.map((point) => point.x),
    LEFT,
    WIDTH - RIGHT,
    isLogarithmic,
  );
  const y = axis(
    points.map((point) => point.y),
    HEIGHT - BOTTOM,
    TOP,
    isLogarithmic,
  );
  const lines = series.map((one, i) => line(one, i, x.place, y.place)).join('');
  const measured = series
    .filter(({ points }) => points.length > 1)
    .map(({ name, points }) => `${escapeHtml(name)}: slope ${logLogSlope(points).toFixed(2)}`)
    .join(', ');
  const stated = `stated ${spec.statedSlope}`;
  const slopes = spec.statedSlope === undefined ? '' : measured === '' ? stated : `${measured}; ${stated}`;
  return `<figure><figcaption>${escapeHtml(spec.title)}${slopes && ` <small>${slopes}</small>`}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(spec.title)}">
${x.ticks.map((tick) => `<line class="grid" x1="${round(x.place(tick))}" x2="${round(x.place(tick))}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/><text class="tick" text-anchor="middle" x="${round(x.place(tick))}" y="${HEIGHT - BOTTOM + 15}">${short(tick)}</text>`).join('')}
${y.ticks.map((tick) => `<line class="grid" y1="${round(y.place(tick))}" y2="${round(y.place(tick))}" x1="${LEFT}" x2="${WIDTH - RIGHT}"/><text class="tick" text-anchor="end" x="${LEFT - 6}" y="${round(y.place(tick)) + 4}">${short(tick)}</text>`).join('')}
<text class="axis" text-anchor="end" x="${WIDTH - RIGHT}" y="${HEIGHT - 8}">${escapeHtml(spec.x)}</text>
<text class="axis" x="4" y="14">${escapeHtml(spec.y)}</text>
${lines}</svg></figure>`;
}

interface Axis {
  readonly place: (value: number) => number;
  readonly ticks: readonly number[];
}

function axis(values: readonly number[], from: number, to: number, isLogarithmic: boolean): Axis {
  const scale = isLogarithmic ? Math.log : (value: number) => value;
  const back = isLogarithmic ? Math.exp : (value: number) => value;
  const low = isLogarithmic ? scale(Math.min(...values)) : Math.min(0, ...values);
  const high = scale(Math.max(...values));
  const range = high - low || 1;
  return {
    place: (value) => from + ((scale(value) - low) / range) * (to - from),
    ticks: isLogarithmic ? logarithmicTicks(back(low), back(high)) : linearTicks(low, high),
  };
}

/** Round numbers from zero or below up to the end. */
function linearTicks(low: number, high: number): number[] {
  const rough = (high - low || 1) / TICKS;
  const decade = 10 ** Math.floor(Math.log10(rough));
  const step = decade * ([1, 2, 5, 10].find((times) => decade * times >= rough) ?? 10);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
}

/** Powers of ten; with 2 and 5 between them where that is still few; the ends where no round number lies between. */
function logarithmicTicks(low: number, high: number): number[] {
  const from = Math.floor(Math.log10(low));
  const decades = Array.from({ length: Math.ceil(Math.log10(high)) - from + 1 }, (_, i) => 10 ** (from + i));
  const inside = (tick: number) => tick >= low * 0.999 && tick <= high * 1.001;
  const fine = decades.flatMap((power) => [power, 2 * power, 5 * power]).filter(inside);
  const ticks = fine.length <= 2 * TICKS ? fine : decades.filter(inside);
  return ticks.length >= 2 ? ticks : [low, high];
}

function line({ name, points }: Series, index: number, x: Axis['place'], y: Axis['place']): string {
  if (points.length === 0) return '';
  const colour = `var(--c${index % COLOURS})`;
  const path = points.map((point) => `${round(x(point.x))},${round(y(point.y))}`).join(' ');
  const dots = points
    .map(
      ({ x: px, y: py }) =>
        `<circle cx="${round(x(px))}" cy="${round(y(py))}" r="3" fill="${colour}"><title>${escapeHtml(name)}: ${showNumber(px)}, ${showNumber(py)}</title></circle>`,
    )
    .join('');
  const key = `<text class="key" x="${LEFT + 10}" y="${TOP + 16 + index * 15}"><tspan fill="${colour}">&#9679;</tspan> ${escapeHtml(name)}</text>`;
  return `<g${index === 0 ? ' class="first"' : ''}><polyline stroke="${colour}" points="${path}"/>${dots}</g>${key}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function short(value: number): string {
  if (Math.abs(value) >= 1e6) return `${showNumber(value / 1e6)}M`;
  if (Math.abs(value) >= 1e3) return `${showNumber(value / 1e3)}k`;
  return showNumber(value);
}
