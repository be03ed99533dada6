import { type HistoryEntry, sequenceDiagram } from '@tutti/runtime';
import type { Command } from 'commander';
import type { NodeMessages } from '../../admin/look-in-api.ts';
import { findCluster, settingsFor } from '../cluster-access.ts';
import { durationOption, wholeNumber } from '../option-values.ts';
import { print } from '../print.ts';
import { table } from '../table.ts';

interface MsgsFlags {
  readonly dir?: string;
  readonly corr?: string;
  readonly actor?: string;
  readonly type?: string;
  readonly since?: string;
  readonly limit?: string;
  readonly record?: string;
  readonly mermaid?: true;
  readonly json?: true;
}

/** What a node keeps of one actor at most, see `HistoryOptions`. */
const PER_ACTOR_MAX = 10_000;

/** `tutti msgs`: what the actors have handled lately. */
export function addMsgsCommand(program: Command): void {
  program
    .command('msgs')
    .description('show what actors have handled lately, of one conversation, actor or type')
    .option('--dir <directory>', 'where the cluster keeps its state (default .tutti)')
    .option('--corr <id>', 'only of the conversation with this correlation')
    .option('--actor <ref>', 'only of this actor, named as for `trace`')
    .option('--type <type>', 'only events of this type')
    .option('--since <duration>', 'only what was handled in this time')
    .option('--limit <count>', 'the latest so many of each node (default 1000)')
    .option('--record <count>', 'keep so many messages of each actor from now on; 0 ends it (default 0)')
    .option('--mermaid', 'print a sequence diagram for Mermaid')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nNothing is kept before `tutti msgs --record 100` says so: it costs time and memory.',
    )
    .action(async (flags: MsgsFlags) => {
      const { values } = settingsFor({ 'cluster.directory': flags.dir }, program.opts()['config']);
      const query = queryOf(flags);
      const keep =
        flags.record === undefined ? undefined : wholeNumber('--record', flags.record, 0, PER_ACTOR_MAX);
      const client = findCluster(values['cluster.directory']);
      if (keep !== undefined) {
        const nodes = await client.record(keep);
        return print(flags, { nodes }, () => nodes.map(recordingText).join('\n'));
      }
      const nodes = await client.messages(query);
      const entries = inOrder(nodes);
      if (flags.mermaid) process.stdout.write(`${sequenceDiagram(entries)}\n`);
      else print(flags, { nodes }, () => messagesText(nodes));
    });
}

function queryOf(flags: MsgsFlags): Record<string, string> {
  return {
    ...(flags.corr === undefined ? {} : { correlation: flags.corr }),
    ...(flags.actor === undefined ? {} : { actor: flags.actor }),
    ...(flags.type === undefined ? {} : { type: flags.type }),
    ...(flags.since === undefined
      ? {}
      : { since: String(Date.now() - durationOption('--since', flags.since)) }),
    ...(flags.limit === undefined
      ? {}
      : { limit: String(wholeNumber('--limit', flags.limit, 1, Number.MAX_SAFE_INTEGER)) }),
  };
}

/** By the clocks of the nodes, which may differ; of one node, in the order in which it handled them. */
function inOrder(nodes: readonly NodeMessages[]): readonly HistoryEntry[] {
  return nodes.flatMap(({ entries }) => entries).sort((a, b) => a.at - b.at || a.number - b.number);
}

const recordingText = ({ node, perActor }: NodeMessages): string =>
  perActor === 0 ? `${node} keeps nothing` : `${node} keeps the last ${perActor} messages of each actor`;

/** The messages of all nodes as a table; when nothing is recorded, how to begin. */
export function messagesText(nodes: readonly NodeMessages[]): string {
  const silent = nodes.filter(({ perActor }) => perActor === 0).map(({ node }) => node);
  const note =
    silent.length === 0
      ? []
      : ['', `${silent.join(', ')}: nothing is recorded; begin with tutti msgs --record 100`];
  const rows = inOrder(nodes).map((entry) => [
    new Date(entry.at).toISOString().slice(11, 23),
    entry.actor,
    entry.type,
    entry.problem === undefined ? JSON.stringify(entry.value ?? '') : `failed: ${entry.problem}`,
    entry.correlation ?? '',
    entry.from ?? '',
  ]);
  const text =
    rows.length === 0
      ? 'no messages'
      : table(['time', 'actor', 'type', 'state', 'correlation', 'from'], rows);
  return [text, ...note].join('\n');
}
