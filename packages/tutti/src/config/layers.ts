import { TuttiError } from '@tutti/kernel';
import type * as z from 'zod';

/** Where a value comes from, weakest first. A later one shadows the earlier. */
export const LAYERS = ['default', 'file', 'environment', 'option'] as const;
export type Layer = (typeof LAYERS)[number];

/** One value that some layer gave for a key, and where exactly: a file with its line, a variable, an option. */
export interface Origin {
  readonly layer: Layer;
  readonly source: string;
  readonly value: unknown;
}

/** The value of a key that counts, and every value that it shadows, strongest first. */
export interface Resolved {
  readonly key: string;
  readonly value: unknown;
  readonly origin: Origin;
  readonly shadowed: readonly Origin[];
}

/** One layer's values, by dotted key. */
export interface LayerValues {
  readonly layer: Layer;
  readonly values: Readonly<Record<string, { readonly value: unknown; readonly source: string }>>;
}

/** A key's schema: how text becomes its value, and what it means. */
export interface Setting {
  readonly schema: z.ZodType;
  /** What the schema takes, so that it can be read after "give" and "must be". */
  readonly expected: string;
  /** The option of the command line that gives it, where there is one. */
  readonly option?: string;
  readonly fallback: unknown;
  readonly meaning: string;
}

/**
 * Lays the layers over one another and checks the winner of each key.
 * @throws TuttiError `TUTTI_CONFIG_UNKNOWN_KEY`, `TUTTI_CONFIG_INVALID`, each naming the source; an option has
 * `TUTTI_OPTION_INVALID`
 */
export function resolveLayers(
  settings: Readonly<Record<string, Setting>>,
  layers: readonly LayerValues[],
): ReadonlyMap<string, Resolved> {
  const strongestFirst = [...layers].sort((a, b) => LAYERS.indexOf(b.layer) - LAYERS.indexOf(a.layer));
  for (const { values } of strongestFirst)
    for (const [key, { source }] of Object.entries(values))
      if (!(key in settings))
        throw new TuttiError('TUTTI_CONFIG_UNKNOWN_KEY', {
          key,
          source,
          known: Object.keys(settings).join(', '),
        });

  const resolved = new Map<string, Resolved>();
  for (const [key, setting] of Object.entries(settings)) {
    const origins: Origin[] = [];
    for (const { layer, values } of strongestFirst) {
      const given = values[key];
      if (given) origins.push({ layer, source: given.source, value: check(key, setting, layer, given) });
    }
    origins.push({ layer: 'default', source: 'built in', value: setting.fallback });
    const [origin, ...shadowed] = origins as [Origin, ...Origin[]];
    resolved.set(key, { key, value: origin.value, origin, shadowed });
  }
  return resolved;
}

function check(
  key: string,
  { schema, expected, option, meaning }: Setting,
  layer: Layer,
  { value, source }: { value: unknown; source: string },
): unknown {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  if (layer === 'option' && option !== undefined)
    throw new TuttiError('TUTTI_OPTION_INVALID', { option, value, expected });
  throw new TuttiError('TUTTI_CONFIG_INVALID', {
    key,
    value,
    source,
    problem: `it must be ${expected}`,
    meaning,
  });
}
