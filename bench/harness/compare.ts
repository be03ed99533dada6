import type { BenchCase, FigureSpec, Measurement, Sizes, Subject } from './case.ts';
import { valuesOf } from './figure-values.ts';
import { pairedTest, survivors } from './paired-test.ts';
import { showQuantity } from './quantity.ts';
import type { missing } from './requirements.ts';
import { runsOf, sizesOf } from './schedule.ts';
import { type Interval, median } from './statistics.ts';

/** How one figure of ours differs between two trees. */
export interface Difference {
  readonly caseId: string;
  readonly subject: string;
  readonly figure: string;
  readonly unit: string;
  readonly better: FigureSpec['better'];
  /** Medians. */
  readonly before: number;
  readonly after: number;
  /** After over before, the geometric mean over the rounds; undefined where a value is zero or below. */
  readonly ratio?: number;
  /** The least and the largest ratio of a round. */
  readonly range?: Interval;
  /** The mean over the rounds of what each gained, as a logarithm where there is a ratio. */
  readonly gain: number;
  /** How likely so much is when nothing has changed. */
  readonly probability: number;
}

/** What could not be compared, and why. */
export interface NotCompared {
  readonly caseId: string;
  readonly subject: string;
  readonly figure?: string;
  readonly why: string;
  /** The tree that failed, where one did. */
  readonly failed?: Side;
}

export type Comparison = Difference | NotCompared;

/** A difference among all the others of a comparison. */
export type Change = Difference & { readonly moved: 'better' | 'worse' | 'no' };

export type Side = 'before' | 'after';

/** What a comparison of one case needs. */
export interface CompareOptions {
  readonly quick: boolean;
  readonly measure: (side: Side, caseId: string, subjectId: string, sizes: Sizes) => Promise<Measurement>;
  /** Why a subject cannot run here. */
  readonly missing: typeof missing;
}

const ROUNDS_MIN = 5;
/** Differences smaller than this are not called a move even if the samples agree on them. */
const LEAST_CHANGE = 0.02;
/** How likely it may be that a comparison of equal trees calls anything a move. */
const FALSE_MOVE = 0.05;

/**
 * Measures our side of a case in both trees, in turns: before-after, after-before, and so on. Twice the usual number
 * of rounds and never fewer than five, since a difference is harder to see than a size. A subject that fails is given
 * up and named; the others go on.
 */
export async function compareCase(bench: BenchCase, options: CompareOptions): Promise<Comparison[]> {
  const comparisons: Comparison[] = [];
  for (const subject of bench.subjects.filter(({ kind }) => kind === 'ours')) {
    const named = { caseId: bench.id, subject: subject.id };
    const why = options.missing(subject.requires);
    const samples = why === undefined ? await inTurns(bench, subject, options) : { why };
    if ('why' in samples) comparisons.push({ ...named, ...samples });
    else for (const figure of bench.figures) comparisons.push(...differenceOf(named, figure, samples));
  }
  return comparisons;
}

type Samples = Readonly<Record<Side, readonly Measurement[]>>;

/** A sample of each side for each round, or which tree failed first, and what it said. */
async function inTurns(
  bench: BenchCase,
  { id }: Subject,
  { quick, measure }: CompareOptions,
): Promise<Samples | Pick<NotCompared, 'why' | 'failed'>> {
  const samples: Record<Side, Measurement[]> = { before: [], after: [] };
  const rounds = Math.max(ROUNDS_MIN, 2 * runsOf(bench, quick));
  for (let round = 0; round < rounds; round++)
    for (const side of round % 2 === 0 ? (['before', 'after'] as const) : (['after', 'before'] as const))
      try {
        samples[side].push(await measure(side, bench.id, id, sizesOf(bench, quick)));
      } catch (thrown) {
        const problem = thrown instanceof Error ? thrown.message : String(thrown);
        return { failed: side, why: `the tree ${side} failed: ${problem.split('\n')[0]}` };
      }
  return samples;
}

/** The difference of one figure, round by round; nothing where neither side has it. */
export function differenceOf(
  named: Pick<NotCompared, 'caseId' | 'subject'>,
  figure: FigureSpec,
  samples: Samples,
): Comparison[] {
  const valuesIn = (side: Side) => samples[side].map((sample) => valuesOf({ samples: [sample] }, figure)[0]);
  const [before, after] = [valuesIn('before'), valuesIn('after')];
  const all = [...before, ...after];
  if (all.every((value) => value === undefined)) return [];
  if (!all.every((value) => value !== undefined))
    return [{ ...named, figure: figure.id, why: 'some samples gave no such figure' }];
  const pairs = before.map((value, round) => [value!, after[round]!] as const);
  const { id, unit, better } = figure;
  const difference = {
    ...named,
    figure: id,
    unit,
    better,
    before: median(pairs.map(([first]) => first)),
    after: median(pairs.map(([, second]) => second)),
  };
  // What slows a whole round down is in both of its samples, and so not in their ratio.
  const isRatio = pairs.every(([first, second]) => first > 0 && second > 0);
  const gains = pairs.map(([first, second]) => (isRatio ? Math.log(second / first) : second - first));
  const gain = gains.reduce((sum, each) => sum + each, 0) / gains.length;
  const range = { low: Math.exp(Math.min(...gains)), high: Math.exp(Math.max(...gains)) };
  const ratio = isRatio ? { ratio: Math.exp(gain), range } : {};
  return [{ ...difference, ...ratio, gain, probability: pairedTest(gains) }];
}

/** Which figures moved, of all that were compared: the more they are, the more each has to show. */
export function changesOf(comparisons: readonly Comparison[]): Change[] {
  const differences = comparisons.filter((one) => 'probability' in one);
  const survives = survivors(
    differences.map(({ probability }) => probability),
    FALSE_MOVE,
  );
  return differences.map((difference, i) => {
    const { ratio, gain, better } = difference;
    const isMove = survives[i]! && (ratio === undefined || Math.abs(ratio - 1) >= LEAST_CHANGE);
    const isBetter = better === 'higher' ? gain > 0 : gain < 0;
    return { ...difference, moved: !isMove ? 'no' : isBetter ? 'better' : 'worse' };
  });
}

/** Whether this tree is worse than the other: a figure is, or what the other still does fails here. */
export function isWorse(comparisons: readonly Comparison[]): boolean {
  const isFailure = comparisons.some((one) => 'why' in one && one.failed === 'after');
  return isFailure || changesOf(comparisons).some(({ moved }) => moved === 'worse');
}

/** One line per figure, those that moved marked, and then what could not be compared. */
export function changeTable(comparisons: readonly Comparison[]): string {
  const lines = changesOf(comparisons).map(changeLine);
  const open = comparisons.flatMap((one) =>
    'why' in one ? [`${nameOf(one)} not compared: ${one.why}`] : [],
  );
  return [...lines, ...open].join('\n');
}

function changeLine(change: Change): string {
  const { unit, before, after, ratio, range, moved } = change;
  const percent = (one: number) => `${one >= 1 ? '+' : ''}${((one - 1) * 100).toFixed(1)} %`;
  const values = `${showQuantity(before, unit)} -> ${showQuantity(after, unit)}`;
  const shown = ratio === undefined ? '' : percent(ratio);
  const rounds = range ? ` (${percent(range.low)} to ${percent(range.high)})` : '';
  const word = moved === 'no' ? 'within noise' : moved.toUpperCase();
  return `${nameOf(change)} ${values.padEnd(34)} ${shown.padStart(8)}${rounds}  ${word}`;
}

function nameOf({ caseId, subject, figure }: Pick<NotCompared, 'caseId' | 'subject' | 'figure'>): string {
  return `${caseId}.${figure === undefined ? '' : `${figure} `}${subject}`.padEnd(34);
}
