import type { Season } from './season.ts';

/** A bug that can be put into a source file from outside, to see whether it would be found. */
export interface Mutant<Weather = Season> {
  /** What the bug is, as a few words. */
  readonly name: string;
  /** The file, from the `src` of the suite's package on. */
  readonly file: string;
  /** The text that is right; it occurs exactly once in the file. */
  readonly right: string;
  /** What stands there instead. */
  readonly wrong: string;
  /** The promise that it must be seen to break, where another checker might see it first. Default: any. */
  readonly breaks?: string;
  /** What its seeds are run under. Default: what they draw. */
  readonly season?: Weather;
  /** What its seeds are played in. Default: whole clusters. */
  readonly trial?: Trial;
}

/** `repair walk`: one store that dies at each call of a repair, see `sim/testing/repair-walk.ts`. */
export type Trial = 'cluster' | 'repair walk';

/** The file's text with the bug in it. Throws if the file has changed so that the bug no longer fits. */
export function mutated(text: string, mutant: Mutant<unknown>): string {
  const parts = text.split(mutant.right);
  if (parts.length === 2) return parts.join(mutant.wrong);
  throw new Error(
    `"${mutant.name}" fits ${parts.length - 1} places of ${mutant.file} instead of one: bring it up to date`,
  );
}
