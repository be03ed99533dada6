import type { Random } from '@tutti/kernel';

/** As many requests of one life are certainly told from those of another that has the same seed. */
const REQUESTS = 2 ** 20;

/**
 * Where one life of a node begins to number its requests, so that a late answer to another life is never taken for one
 * to its own: drawn, and apart from what the same seed gave an earlier life by the difference of their `life`.
 */
export const firstRequestOf = (random: Random, life: number): number =>
  ((random.uint32() + life) >>> 0) * REQUESTS;
