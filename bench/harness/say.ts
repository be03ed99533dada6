import type { LimitSpec, MeasuredValue } from './case.ts';
import { showQuantity } from './quantity.ts';

/** Numbers of a run by the names that a sentence uses: `[subject, figure]`. */
type Wanted<Name extends string> = Readonly<Record<Name, readonly [subject: string, figure: string]>>;

/** The arithmetic of a limit as a sentence over numbers of the same run; nothing is said when one of them is missing. */
export function limitOf<Name extends string>(
  figure: string,
  wanted: Wanted<Name>,
  sentence: (values: Readonly<Record<Name, number>>) => string,
): LimitSpec {
  const explain = (measured: MeasuredValue): string | undefined => {
    const values = Object.entries<readonly [string, string]>(wanted).map(
      ([name, [subject, id]]) => [name, measured(subject, id)] as const,
    );
    if (values.some(([, value]) => value === undefined)) return undefined;
    return sentence(Object.fromEntries(values) as Record<Name, number>);
  };
  return { figure, needs: Object.values<readonly [string, string]>(wanted), explain };
}

/** For sentences. */
export const milliseconds = (ms: number) => showQuantity(ms, 'ms');
export const perSecond = (rate: number) => showQuantity(rate, '/s');
/** Nanoseconds that one takes at a rate. */
export const eachNs = (rate: number) => `${(1e9 / rate).toFixed(0)} ns`;
