import { existsSync, globSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a subject needs on this machine: all of it. */
export interface Requirement {
  /** Installed as a development dependency of the bench. */
  readonly module?: string;
  /** A program on PATH. */
  readonly program?: string;
  /** An Erlang application, as a folder `name-version` in RabbitMQ's plugins. */
  readonly erlangApplication?: string;
  /** A folder of data that is not part of the project. */
  readonly data?: string;
}

/** Where data may be: beside the checkout, or where a variable says. */
const DATA_FOLDERS = [
  ...(process.env['TUTTI_BENCH_DATA'] ? [process.env['TUTTI_BENCH_DATA']] : []),
  fileURLToPath(new URL('../../../shared/data', import.meta.url)),
];

/** Where Debian's and the generic package keep the plugins of RabbitMQ; a variable adds another place. */
const PLUGIN_FOLDERS = [
  ...(process.env['TUTTI_BENCH_ERLANG_PLUGINS'] ? [process.env['TUTTI_BENCH_ERLANG_PLUGINS']] : []),
  '/usr/lib/rabbitmq/lib/rabbitmq_server-*/plugins',
  '/opt/rabbitmq/plugins',
];

/** Why the requirement is not met, in words; undefined if it is. */
export function missing(requirement: Requirement | undefined): string | undefined {
  const { module, program, erlangApplication, data } = requirement ?? {};
  if (module !== undefined && !isInstalled(module)) return `the package ${module} is not installed`;
  if (program !== undefined && programPath(program) === undefined) return `${program} is not on PATH`;
  if (erlangApplication !== undefined && erlangPaths(erlangApplication).length === 0)
    return `the Erlang application ${erlangApplication} is in no plugins folder of RabbitMQ`;
  if (data !== undefined && dataFolder(data) === undefined)
    return `there is no folder ${data} in ${DATA_FOLDERS.join(' or ')}`;
  return undefined;
}

/** A folder of data that is there; undefined if it is not. */
export function dataFolder(name: string): string | undefined {
  return DATA_FOLDERS.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

function isInstalled(module: string): boolean {
  try {
    import.meta.resolve(module);
    return true;
  } catch {
    return false;
  }
}

/** Where a program is; undefined if nowhere on PATH. */
export function programPath(program: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path));
}

/** The code folders of an Erlang application in RabbitMQ's plugins. */
export function erlangPaths(application: string): string[] {
  return PLUGIN_FOLDERS.flatMap((folder) => globSync(join(folder, `${application}-*`, 'ebin')));
}
