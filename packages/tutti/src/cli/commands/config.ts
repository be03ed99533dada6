import { TuttiError } from '@tutti/kernel';
import type { Command } from 'commander';
import type { Resolved } from '../../config/layers.ts';
import { SETTINGS } from '../../config/settings.ts';
import { settingsFor } from '../cluster-access.ts';
import { table } from '../table.ts';

/** `tutti config [KEY]`: each setting, its value, and where it comes from. */
export function addConfigCommand(program: Command): void {
  program
    .command('config')
    .description('show each setting with its origin, or all that is said of one')
    .argument('[key]', 'such as raft.heartbeat')
    .option('--json', 'print one JSON document')
    .action((key: string | undefined, flags: { readonly json?: true }) => {
      const { resolved } = settingsFor({}, program.opts()['config']);
      const wanted = key === undefined ? [...resolved.values()] : [one(resolved, key)];
      const text = flags.json
        ? JSON.stringify(key === undefined ? wanted : wanted[0], undefined, 2)
        : key === undefined
          ? table(
              ['setting', 'value', 'from'],
              wanted.map((row) => [row.key, String(row.value), row.origin.source]),
            )
          : explain(wanted[0]!);
      process.stdout.write(`${text}\n`);
    });
}

function one(resolved: ReadonlyMap<string, Resolved>, key: string): Resolved {
  const found = resolved.get(key);
  if (!found)
    throw new TuttiError('TUTTI_CONFIG_UNKNOWN_KEY', {
      key,
      source: 'the command line',
      known: Object.keys(SETTINGS).join(', '),
    });
  return found;
}

function explain({ key, value, origin, shadowed }: Resolved): string {
  const meaning = (SETTINGS as Readonly<Record<string, { meaning: string }>>)[key]?.meaning ?? '';
  return [
    `${key} = ${String(value)}   (${meaning})`,
    `  from ${origin.source}`,
    ...shadowed.map((other) => `  over ${other.source}: ${String(other.value)}`),
  ].join('\n');
}
