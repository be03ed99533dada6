import { escapeHtml } from '../../packages/tutti/src/report/html-report.ts';
import type { SubjectResult } from '../harness/subject-result.ts';

const LINES = 10;

/** Where ours spends its time, as bars: the functions with the largest self time, of one profiled run. */
export function flameFigure({ title, profile }: SubjectResult): string {
  if (!profile || profile.lines.length === 0) return '';
  const [widest] = profile.lines;
  const bars = profile.lines.slice(0, LINES).map(({ name, place, share }) => {
    const width = ((share / widest!.share) * 100).toFixed(1);
    return `<li><i style="width:${width}%"></i><span>${(share * 100).toFixed(1)} %</span> <code>${escapeHtml(name)}</code> <small>${escapeHtml(place)}</small></li>`;
  });
  return `<figure class="flame"><figcaption>Where ${escapeHtml(title)} spends its time <small>self time of ${profile.busyMs.toFixed(0)} ms busy, one more run at quick size under the profiler</small></figcaption><ol>${bars.join('')}</ol></figure>`;
}
