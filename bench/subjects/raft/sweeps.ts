import type { Measurement, Point, Sizes, SubjectRun } from '../../harness/case.ts';
import { barePipeline } from './bare-pipeline.ts';
import { commits } from './tutti-raft.ts';

/** A measurement at several numbers of clients, as two curves over that number. */
export function byClients(run: SubjectRun, levels: readonly number[]) {
  return async (sizes: Sizes): Promise<Measurement> => {
    const { figures, histograms, curves, verified } = await run(sizes);
    const rate = levels.map((x): Point => ({ x, y: figures[`rate-${x}`]! })).filter(({ y }) => y > 0);
    return {
      figures,
      ...(histograms ? { histograms } : {}),
      curves: { ...curves, ...costOf(rate) },
      verified,
    };
  };
}

/** A curve of rates, and the microseconds that one takes at each. */
function costOf(rate: readonly Point[]) {
  return { rate, cost: rate.map(({ x, y }): Point => ({ x, y: 1e6 / y })) };
}

/** One cluster after the other, each with so many more of something: its rate at 64 clients, over that number. */
function sweep(values: readonly number[], runOf: (value: number) => SubjectRun) {
  return async (sizes: Sizes): Promise<Measurement> => {
    const rate: Point[] = [];
    const figures: Record<string, number> = {};
    const told: string[] = [];
    for (const value of values) {
      const measured = await runOf(value)(sizes);
      figures[`rate-${value}`] = measured.figures[`rate-${CLIENTS}`]!;
      if (figures[`rate-${value}`]! > 0) rate.push({ x: value, y: figures[`rate-${value}`]! });
      told.push(`${value}: ${measured.verified}`);
    }
    return { figures, curves: costOf(rate), verified: told.join('; ') };
  };
}

const CLIENTS = 64;

export const byVoters = (counts: readonly number[]) =>
  sweep(counts, (voters) => commits({}, [CLIENTS], { voters }));
export const byPayload = (sizes: readonly number[]) =>
  sweep(sizes, (bytes) => commits({}, [CLIENTS], { bytes }));
export const bareByPayload = (sizes: readonly number[]) =>
  sweep(sizes, (bytes) => barePipeline([CLIENTS], bytes));
