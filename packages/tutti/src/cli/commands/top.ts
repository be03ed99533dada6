import { showDuration } from '@tutti/kernel';
import type { Command } from 'commander';
import type { AdminClient } from '../../admin/admin-client.ts';
import type { NodeTop } from '../../admin/look-in-api.ts';
import { pause } from '../../cluster/pause.ts';
import { findCluster, settingsFor } from '../cluster-access.ts';
import { onInterrupt } from '../interrupt.ts';
import { durationOption } from '../option-values.ts';
import { print } from '../print.ts';
import { table } from '../table.ts';
import { Terminal } from '../terminal.ts';

interface TopFlags {
  readonly dir?: string;
  readonly every?: string;
  readonly json?: true;
}

/** Actors shown when nobody says how many fit. */
const ROWS_DEFAULT = 20;

/** `tutti top`: what the nodes and their busiest actors do, live on a terminal. */
export function addTopCommand(program: Command): void {
  program
    .command('top')
    .description('show what nodes and their busiest actors do: mailboxes, rates, restarts, event-loop lag')
    .option('--dir <directory>', 'where the cluster keeps its state (default .tutti)')
    .option('--every <duration>', 'how long each look measures (default 1s)')
    .option('--json', 'measure once and print one JSON document')
    .action(async (flags: TopFlags) => {
      const { values } = settingsFor({ 'cluster.directory': flags.dir }, program.opts()['config']);
      const everyMs = durationOption('--every', flags.every ?? '1s');
      const client = findCluster(values['cluster.directory']);
      const terminal = new Terminal(process.stdout);
      const { signal, release } = onInterrupt();
      try {
        if (terminal.live && !flags.json) await follow(client, terminal, everyMs, signal);
        else
          print(flags, { nodes: await measure(client, everyMs, signal) }, ({ nodes }) =>
            topText(nodes, ROWS_DEFAULT),
          );
      } finally {
        release();
      }
    });
}

/** Two looks: the first begins to count. */
async function measure(client: AdminClient, everyMs: number, signal: AbortSignal): Promise<NodeTop[]> {
  await client.tops();
  await pause(everyMs, signal);
  return await client.tops();
}

async function follow(
  client: AdminClient,
  terminal: Terminal,
  everyMs: number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const nodes = await client.tops();
    const rows = Math.max(5, (process.stdout.rows ?? 40) - nodes.length - 6);
    terminal.footer([...topText(nodes, rows).split('\n'), '', 'Ctrl-C ends it']);
    await pause(everyMs, signal);
  }
}

const rate = (perSecond: number | undefined): string =>
  perSecond === undefined ? '-' : perSecond.toFixed(perSecond < 10 ? 1 : 0);

/** The nodes, then the busiest actors of all of them. */
export function topText(nodes: readonly NodeTop[], rows: number): string {
  const nodeRows = nodes.map((node) => [
    node.node,
    String(node.actorCount),
    rate(node.perSecond),
    String(node.waiting),
    String(node.restarts),
    String(node.deadLetters),
    showDuration(node.lagMs.p50),
    showDuration(node.lagMs.p99),
    showDuration(node.lagMs.max),
  ]);
  const actors = nodes
    .flatMap(({ node, actors: own }) => own.map((actor) => ({ node, ...actor })))
    .sort((a, b) => b.mailboxDepth - a.mailboxDepth || (b.perSecond ?? 0) - (a.perSecond ?? 0))
    .slice(0, rows);
  const actorRows = actors.map((actor) => [
    actor.node,
    actor.entity ?? actor.path,
    actor.logic,
    actor.state,
    String(actor.mailboxDepth),
    rate(actor.perSecond),
    String(actor.restarts),
  ]);
  return [
    table(['node', 'actors', 'msg/s', 'waiting', 'restarts', 'dead', 'lag p50', 'p99', 'max'], nodeRows),
    '',
    table(['node', 'actor', 'logic', 'state', 'mailbox', 'msg/s', 'restarts'], actorRows),
  ].join('\n');
}
