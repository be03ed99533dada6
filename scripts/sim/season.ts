import type { drawOptions, SimOptions } from '../../packages/consensus/src/sim/index.ts';

/**
 * What the seeds of a planted bug have instead of what they draw, where its rule is broken too seldom in ordinary
 * weather: a part named here replaces that part of an option, the rest is drawn. It changes no other run.
 */
export type Season = {
  readonly [Option in keyof SimOptions]?: SimOptions[Option] extends readonly unknown[]
    ? SimOptions[Option]
    : SimOptions[Option] extends object
      ? Partial<SimOptions[Option]>
      : SimOptions[Option];
};

/** The options of a seed in this season; all of them are drawn without one. */
export function seasonOptions(
  seed: number,
  season: Season | undefined,
  draw: typeof drawOptions,
): Partial<SimOptions> {
  if (!season) return {};
  const drawn = draw(seed);
  const merged = Object.entries(season).map(([option, part]) => {
    const isWhole = typeof part !== 'object' || Array.isArray(part);
    return [option, isWhole ? part : Object.assign({}, drawn[option as keyof SimOptions], part)];
  });
  // What members had instead of the drawn numbers need not go with the numbers of the season.
  return { unequal: [], ...(Object.fromEntries(merged) as Partial<SimOptions>) };
}
