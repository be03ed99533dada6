import { TuttiError } from '@tutti/kernel';
import type { ActorLimits } from './actor-system.ts';

const DEFAULTS: Required<ActorLimits> = {
  actors: 2_000_000,
  asks: 1_000_000,
  quantum: 64,
  turnMs: 10,
  microsteps: 1_000,
};
/** So that twice as many still are a length that an array can have. */
const COUNT_MAX = 2 ** 30;

/**
 * Fills in the defaults and checks what is given.
 * @throws TuttiError `TUTTI_CONFIG_INVALID`
 */
export function actorLimits(given: ActorLimits = {}): Required<ActorLimits> {
  const limits = { ...DEFAULTS, ...given };
  for (const key of Object.keys(DEFAULTS) as (keyof ActorLimits)[]) {
    const value = limits[key];
    if (!Number.isFinite(value) || value <= 0) refuse(key, value, 'it is not a number above 0');
    if (key !== 'turnMs' && (!Number.isInteger(value) || value > COUNT_MAX))
      refuse(key, value, `it is not a whole number up to ${COUNT_MAX}`);
  }
  return limits;
}

function refuse(key: string, value: number, problem: string): never {
  throw new TuttiError('TUTTI_CONFIG_INVALID', {
    source: 'The limits of the actors',
    key,
    value,
    problem,
    meaning: 'described at ActorLimits',
  });
}
