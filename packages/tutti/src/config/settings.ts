import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { durationMs, messageOf, TuttiError } from '@tutti/kernel';
import * as z from 'zod';
import { readYaml } from '../plan/yaml-source.ts';
import { type LayerValues, type Resolved, resolveLayers, type Setting } from './layers.ts';

/** What takes a time, in the words of its refusal. */
export const DURATION_EXPECTED = 'milliseconds, or text such as 250ms, 1.5s, 10m';
/** A schema, with what it takes in words: the schema library's own are about types and not about this value. */
const whole = (min: number, max: number) => ({
  schema: z
    .union([z.number(), z.string().trim().min(1).transform(Number)])
    .pipe(z.number().int().min(min).max(max)),
  expected: `a whole number from ${min} to ${max}`,
});
const text = { schema: z.string().min(1), expected: 'text that is not empty' };
const oneOf = <const Words extends readonly [string, ...string[]]>(...words: Words) => ({
  schema: z.enum(words),
  expected: words.length === 2 ? words.join(' or ') : `one of ${words.join(', ')}`,
});
const time = {
  schema: z.union([z.number(), z.string()]).transform((value, context) => {
    try {
      return durationMs(value);
    } catch {
      context.addIssue({ code: 'custom' });
      return z.NEVER;
    }
  }),
  expected: DURATION_EXPECTED,
};

/** Every setting of the `tutti` command. The page `docs/reference/configuration.md` lists the same, by test. */
export const SETTINGS = {
  'cluster.name': {
    ...text,
    option: '--cluster',
    fallback: 'tutti',
    meaning: 'the cluster id; two clusters never talk',
  },
  'cluster.nodes': {
    ...whole(1, 7),
    option: '--nodes',
    fallback: 3,
    meaning: 'how many node processes `up` and `run` start, 1 to 7',
  },
  'cluster.directory': {
    ...text,
    option: '--dir',
    fallback: '.tutti',
    meaning: 'where `up` keeps the nodes and finds them again',
  },
  'cluster.linkDownGrace': {
    ...time,
    fallback: 250,
    meaning: 'how long a broken link may take to come back before its node is suspected to be gone',
  },
  'cluster.silence': {
    ...time,
    fallback: 600,
    meaning: 'silence after which two others are asked about a node, which is suspected 300 ms later',
  },
  'cluster.unreachable': {
    ...time,
    fallback: 5_000,
    meaning: 'the longest that a node may be out of reach, whatever others say of it',
  },
  'raft.heartbeat': { ...time, fallback: 50, meaning: 'between two heartbeats of a leader' },
  'raft.electionTimeout': {
    ...time,
    fallback: 300,
    meaning: 'the least silence after which a follower stands for election',
  },
  'raft.snapshotEntries': {
    ...whole(10, 10_000_000),
    fallback: 10_000,
    meaning: 'applied entries between two snapshots',
  },
  'run.mode': {
    ...oneOf('eager', 'wave'),
    option: '--mode',
    fallback: 'eager',
    meaning: 'when tasks start: as soon as they can, or level by level',
  },
  'run.folder': {
    ...text,
    option: '--out',
    fallback: 'tutti-out',
    meaning: 'where `run` puts what the tasks write, in a folder per session',
  },
  'log.level': {
    ...oneOf('debug', 'info', 'warn', 'error', 'silent'),
    fallback: 'warn',
    meaning: 'the least that nodes log',
  },
} as const satisfies Record<string, Setting>;

export type SettingKey = keyof typeof SETTINGS;
export type Settings = { readonly [Key in SettingKey]: z.output<(typeof SETTINGS)[Key]['schema']> };

/** The settings of one command, each with its origin. */
export interface LoadedSettings {
  readonly values: Settings;
  readonly resolved: ReadonlyMap<string, Resolved>;
}

/** `raft.electionTimeout` as `TUTTI_RAFT_ELECTION_TIMEOUT`. */
export function variableOf(key: string): string {
  return `TUTTI_${key
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll('.', '_')
    .toUpperCase()}`;
}

/**
 * Defaults, then `tutti.config.yaml` (or the file named), then `TUTTI_*` variables, then options.
 * @throws TuttiError `TUTTI_CONFIG_UNREADABLE`, `TUTTI_CONFIG_UNKNOWN_KEY`, `TUTTI_CONFIG_INVALID`;
 * `TUTTI_OPTION_INVALID` for what the command line gave
 */
export function loadSettings(
  options: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
  file?: string,
): LoadedSettings {
  const layers = [fileLayer(file), environmentLayer(environment), optionLayer(options)];
  const resolved = resolveLayers(SETTINGS, layers);
  const values = Object.fromEntries([...resolved].map(([key, { value }]) => [key, value])) as Settings;
  return { values, resolved };
}

function fileLayer(file: string | undefined): LayerValues {
  const path = resolve(file ?? 'tutti.config.yaml');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (thrown) {
    if (file === undefined && (thrown as NodeJS.ErrnoException).code === 'ENOENT')
      return { layer: 'file', values: {} };
    throw new TuttiError(
      'TUTTI_CONFIG_UNREADABLE',
      { file: path, problem: messageOf(thrown) },
      { cause: thrown },
    );
  }
  const source = readYaml(text, path);
  const values: Record<string, { value: unknown; source: string }> = {};
  const put = (at: readonly string[], value: unknown) => {
    const line = source.positionOf(at)?.line ?? 1;
    values[at.join('.')] = { value, source: `${path}:${line}` };
  };
  if (!isMap(source.value ?? {}))
    throw new TuttiError('TUTTI_CONFIG_UNREADABLE', { file: path, problem: 'it is no map of groups' });
  for (const [group, keys] of Object.entries(source.value ?? {})) {
    // What is no group is no setting either, and is refused as one.
    if (isMap(keys ?? {})) for (const [key, value] of Object.entries(keys ?? {})) put([group, key], value);
    else put([group], keys);
  }
  return { layer: 'file', values };
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function environmentLayer(environment: Readonly<Record<string, string | undefined>>): LayerValues {
  const values: Record<string, { value: unknown; source: string }> = {};
  for (const key of Object.keys(SETTINGS)) {
    const variable = variableOf(key);
    const value = environment[variable];
    if (value !== undefined) values[key] = { value, source: `variable ${variable}` };
  }
  return { layer: 'environment', values };
}

function optionLayer(options: Readonly<Record<string, unknown>>): LayerValues {
  const values: Record<string, { value: unknown; source: string }> = {};
  for (const [key, value] of Object.entries(options))
    if (value !== undefined) values[key] = { value, source: 'command line' };
  return { layer: 'option', values };
}
