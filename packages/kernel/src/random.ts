/**
 * Seeded chance. Everything in Tutti that rolls dice takes one of these, so that a run is a function of its seed.
 * The generator is sfc32 (C. Doty-Humphrey, PractRand): 128 bits of state, fast on 32-bit integers.
 */
export interface Random {
  /** A whole number from 0 to 2^32 - 1. */
  uint32(): number;
  /** A number from 0 (included) to 1 (excluded), with 32 bits of it random. */
  float(): number;
  /** A whole number from `min` to `max`, both included. */
  integer(min: number, max: number): number;
  /** True with the given probability, 0 to 1. */
  chance(probability: number): boolean;
  /** An exponentially distributed number with the given mean. */
  exponential(mean: number): number;
  /** One of the items; the list must not be empty. */
  pick<T>(items: readonly T[]): T;
  /** A shuffled copy. */
  shuffle<T>(items: readonly T[]): T[];
  /** An independent generator, so that one part's use of chance does not shift another's. */
  fork(label: string): Random;
}

function hash32(text: string, seed: number): number {
  let hash = seed >>> 0;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b) >>> 0;
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** A generator whose whole sequence follows from `seed`. Numbers beyond 32 bits keep their upper half. */
export function seededRandom(seed: number): Random {
  let a = seed >>> 0;
  let b = Math.floor(seed / 2 ** 32) >>> 0;
  let c = 0x9e3779b9;
  let counter = 1;

  const uint32 = (): number => {
    const sum = (a + b + counter++) >>> 0;
    a = (b ^ (b >>> 9)) >>> 0;
    b = (c + (c << 3)) >>> 0;
    c = (((c << 21) | (c >>> 11)) + sum) >>> 0;
    return sum;
  };
  for (let i = 0; i < 12; i++) uint32(); // sfc32 needs twelve rounds to spread a poor seed

  const float = () => uint32() / 2 ** 32;
  const integer = (min: number, max: number) => min + Math.floor(float() * (max - min + 1));
  const random: Random = {
    uint32,
    float,
    integer,
    chance: (probability) => float() < probability,
    exponential: (mean) => -mean * Math.log(1 - float()),
    pick: (items) => items[integer(0, items.length - 1)]!,
    shuffle(items) {
      const copy = [...items];
      for (let i = copy.length - 1; i > 0; i--) {
        const j = integer(0, i);
        [copy[i], copy[j]] = [copy[j]!, copy[i]!];
      }
      return copy;
    },
    fork: (label) => seededRandom(hash32(label, uint32()) + uint32() * 2 ** 20),
  };
  return random;
}
