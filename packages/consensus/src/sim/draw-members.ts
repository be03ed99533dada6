import type { Random } from '@tutti/kernel';
import type { ReplicaConfig } from '../replica/replica-options.ts';
import type { Draw } from './draw-options.ts';
import type { SimOptions } from './sim-options.ts';

/** In one run of seven each node has numbers of its own, as while all are given new ones one by one. */
export function withUnlikeMembers(draw: Draw, weather: SimOptions): SimOptions {
  if (!draw('unequal').chance(0.15)) return weather;
  const { voters, learners, replica } = weather;
  const numbers = draw('unequal/numbers');
  return {
    ...weather,
    unequal: Array.from({ length: voters + learners }, () => unlike(replica, numbers)),
  };
}

/**
 * Nobody waits for a leader shorter than the run's own numbers say, nor lets its followers wait longer for a sign of
 * life: with such numbers nobody could lead for long.
 */
function unlike({ tickMs = 0, electionTicks = 0 }: ReplicaConfig, random: Random): Partial<ReplicaConfig> {
  const finer = random.pick([1, 1, 2, 5]);
  return {
    tickMs: tickMs / finer,
    electionTicks: electionTicks * finer * random.pick([1, 2, 4]),
    preVote: random.chance(0.5),
    reads: random.pick(['lease', 'lease', 'quorum']),
  };
}
