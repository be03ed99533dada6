import type { Command } from 'commander';
import type { AdminClient } from '../../admin/admin-client.ts';
import { findCluster, settingsFor } from '../cluster-access.ts';
import { clusterText } from '../cluster-text.ts';
import { table } from '../table.ts';

interface ClusterFlags {
  readonly dir?: string;
  readonly json?: true;
}

/** `tutti cluster VERB`: looks after the group of nodes that agree. */
export function addClusterCommand(program: Command): void {
  const cluster = program
    .command('cluster')
    .description('look after the nodes that agree: status, leadership, snapshots');
  const verb = (name: string, description: string) =>
    cluster
      .command(name)
      .description(description)
      .option('--dir <directory>', 'where the cluster keeps its state (default .tutti)')
      .option('--json', 'print one JSON document');
  const clientFor = (flags: ClusterFlags): AdminClient => {
    const { values } = settingsFor({ 'cluster.directory': flags.dir }, program.opts()['config']);
    return findCluster(values['cluster.directory']);
  };
  verb('status', 'each node with its log, who votes, and how long commands take at the leader').action(
    async (flags: ClusterFlags) => print(flags, await clientFor(flags).cluster(), clusterText),
  );
  verb('transfer', 'hand leadership on')
    .argument('[node]', 'a voter (default the one whose log is furthest)')
    .action(async (node: string | undefined, flags: ClusterFlags) =>
      print(flags, await clientFor(flags).transfer(node), ({ leader }) => `${leader} leads`),
    );
  verb('snapshot', 'write the state to disk now, and drop the log that it covers')
    .argument('[node]', 'a node (default each, one after the other)')
    .action(async (node: string | undefined, flags: ClusterFlags) =>
      print(flags, await clientFor(flags).snapshot(node), (taken) =>
        table(
          ['node', 'up to entry'],
          taken.map((snapshot) => [snapshot.node, String(snapshot.index)]),
        ),
      ),
    );
}

function print<T>(flags: ClusterFlags, value: T, show: (value: T) => string): void {
  process.stdout.write(`${flags.json ? JSON.stringify(value, undefined, 2) : show(value)}\n`);
}
