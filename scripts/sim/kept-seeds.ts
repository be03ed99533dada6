// The seeds that once failed. They are run again by every `npm test`.
import { readFileSync, writeFileSync } from 'node:fs';

const fileOf = (suite: string): URL => new URL(`../../test/simulation/seeds/${suite}.json`, import.meta.url);

interface KeptSeeds {
  readonly about: string;
  readonly seeds: { readonly seed: number; readonly options?: object; readonly shows: string }[];
}

/** Adds a run to those that are kept, unless it is there. @param options what differs from what the seed draws */
export function keepSeed(seed: number, options: object, shows: string, suite = 'raft'): void {
  const file = fileOf(suite);
  const kept = JSON.parse(readFileSync(file, 'utf8')) as KeptSeeds;
  const text = JSON.stringify(options);
  const isKept = kept.seeds.some((one) => one.seed === seed && JSON.stringify(one.options ?? {}) === text);
  if (isKept) return;
  kept.seeds.push({ seed, ...(text === '{}' ? {} : { options }), shows });
  writeFileSync(file, `${JSON.stringify(kept, undefined, 2)}\n`);
}
