import { type Random, seededRandom } from './random.ts';

/**
 * Chance that no other process has, seeded by the operating system with 53 bits. A program hands it in where a simulation
 * hands in a seed. Like any seeded chance it is not for secrets.
 */
export function systemRandom(): Random {
  const [low, high] = crypto.getRandomValues(new Uint32Array(2));
  return seededRandom((high! >>> 11) * 2 ** 32 + low!);
}
