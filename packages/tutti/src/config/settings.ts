import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { durationMs, messageOf, TuttiError } from '@tutti/kernel';
import * as z from 'zod';
import { readYaml } from '../plan/yaml-source.ts';
import { type LayerValues, type Resolved, resolveLayers, type Setting } from './layers.ts';

const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
const time = z.union([z.number(), z.string()]).transform((value, context) => {
  try {
    return durationMs(value);
  } catch {
    context.addIssue({ code: 'custom', message: 'must be milliseconds, or text such as 250ms, 1.5s, 10m' });
    return z.NEVER;
  }
});

/** Every setting of the `tutti` command. The page `docs/reference/configuration.md` lists the same, by test. */
export const SETTINGS = {
  'cluster.name': {
    schema: z.string().min(1),
    fallback: 'tutti',
    meaning: 'the cluster id; two clusters never talk',
  },
  'cluster.nodes': {
    schema: whole(1, 7),
    fallback: 3,
    meaning: 'how many node processes `up` and `run` start, 1 to 7',
  },
  'cluster.directory': {
    schema: z.string().min(1),
    fallback: '.tutti',
    meaning: 'where `up` keeps the nodes and finds them again',
  },
  'raft.heartbeat': { schema: time, fallback: 50, meaning: 'between two heartbeats of a leader' },
  'raft.electionTimeout': {
    schema: time,
    fallback: 300,
    meaning: 'the least silence after which a follower stands for election',
  },
  'raft.snapshotEntries': {
    schema: whole(10, 10_000_000),
    fallback: 10_000,
    meaning: 'applied entries between two snapshots',
  },
  'run.mode': {
    schema: z.enum(['eager', 'wave']),
    fallback: 'eager',
    meaning: 'when tasks start: as soon as they can, or level by level',
  },
  'run.folder': {
    schema: z.string().min(1),
    fallback: 'tutti-out',
    meaning: 'where `run` puts what the tasks write, in a folder per session',
  },
  'log.level': {
    schema: z.enum(['debug', 'info', 'warn', 'error', 'silent']),
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
 * @throws TuttiError `TUTTI_CONFIG_UNREADABLE`, `TUTTI_CONFIG_UNKNOWN_KEY`, `TUTTI_CONFIG_INVALID`
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
  for (const [group, keys] of Object.entries((source.value ?? {}) as Record<string, unknown>))
    for (const [key, value] of Object.entries((keys ?? {}) as Record<string, unknown>)) {
      const line = source.positionOf([group, key])?.line ?? 1;
      values[`${group}.${key}`] = { value, source: `${path}:${line}` };
    }
  return { layer: 'file', values };
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
