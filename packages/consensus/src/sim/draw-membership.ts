import type { Draw } from './draw-options.ts';
import type { SimOptions } from './sim-options.ts';

/** In one run of five the membership changes, on top of whatever else happens, and up to three nodes wait to be added. */
export function withChurn(draw: Draw, weather: SimOptions): SimOptions {
  if (!draw('churn').chance(0.2)) return weather;
  const { faults, voters, learners } = weather;
  return {
    ...weather,
    spares: Math.min(draw('churn/spares').integer(0, 3), 8 - voters - learners),
    faults: {
      ...faults,
      everyMs: Math.min(faults.everyMs, draw('churn/everyMs').pick([40, 100, 200])),
      kinds: [
        ...faults.kinds,
        ...(draw('churn/falls').chance(0.5) ? ['churn', 'fall at change'] : ['churn']),
        ...(draw('churn/decommission').chance(0.5) ? ['decommission'] : []),
      ],
    },
  };
}
