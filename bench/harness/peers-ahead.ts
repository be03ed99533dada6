import { showNumber, showQuantity } from './quantity.ts';
import type { CaseResult } from './results.ts';
import { SAMPLES_TO_JUDGE } from './statistics.ts';

/** A figure at which somebody else does better than we do. */
export interface PeerAhead {
  readonly caseId: string;
  readonly text: string;
}

/**
 * Where the whole interval of the ratio is on the other's side; what could be chance, as anything of two samples could,
 * is not said of either.
 */
export function peersAhead({ id, figures, rows, subjects }: CaseResult): PeerAhead[] {
  return rows
    .filter(({ kind }) => kind === 'ours')
    .flatMap((row) => {
      const samplesOf = (id: string) =>
        rows.find(({ subject, figure }) => subject === id && figure === row.figure)?.samples ?? 0;
      const spec = figures.find((figure) => figure.id === row.figure)!;
      const own = subjects.find((subject) => subject.id === row.subject)!;
      return row.ratios
        .filter(({ kind }) => kind === 'peer')
        .filter(({ subject }) => Math.min(row.samples, samplesOf(subject)) >= SAMPLES_TO_JUDGE)
        .filter(({ interval }) => (spec.better === 'higher' ? interval.high < 1 : interval.low > 1))
        .map(({ title, ratio }): PeerAhead => {
          const times = showNumber(spec.better === 'higher' ? 1 / ratio : ratio);
          const theirs = showQuantity(row.value / ratio, spec.unit);
          const ours = showQuantity(row.value, spec.unit);
          return {
            caseId: id,
            text: `${id} ${spec.title}: ${title} is ${times}x ahead (${theirs} against ${ours} of ${own.title})`,
          };
        });
    });
}
