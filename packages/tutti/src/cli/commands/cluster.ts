import type { Command } from 'commander';
import type { AdminClient, AdminClientOptions } from '../../admin/admin-client.ts';
import { findCluster, settingsFor } from '../cluster-access.ts';
import { clusterText } from '../cluster-text.ts';
import { print } from '../print.ts';
import { table } from '../table.ts';
import { addRescueCommands } from './cluster-rescue.ts';

interface ClusterFlags {
  readonly dir?: string;
  readonly json?: true;
}

interface AddFlags extends ClusterFlags {
  readonly learner?: true;
}

/** Starting a process and having a group agree to it takes longer than a question. */
const PATIENT: AdminClientOptions = { patienceMs: 60_000 };

/** `tutti cluster VERB`: looks after the group of nodes that agree. */
export function addClusterCommand(program: Command): void {
  const cluster = program
    .command('cluster')
    .description(
      'look after the nodes that agree: status, leadership, snapshots, backups, who belongs to them',
    );
  const verb = (name: string, description: string) =>
    cluster
      .command(name)
      .description(description)
      .option('--dir <directory>', 'where the cluster keeps its state (default .tutti)')
      .option('--json', 'print one JSON document');
  const clientFor = (flags: ClusterFlags, options?: AdminClientOptions): AdminClient => {
    const { values } = settingsFor({ 'cluster.directory': flags.dir }, program.opts()['config']);
    return findCluster(values['cluster.directory'], options);
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
  verb('add', 'start a node more and add it to the cluster')
    .argument('[node]', 'its name (default the next that is free)')
    .option('--learner', 'it never votes, until `cluster promote`')
    .action(async (node: string | undefined, flags: AddFlags) =>
      print(
        flags,
        await clientFor(flags, PATIENT).addNode({ node, learner: flags.learner === true }),
        (added) =>
          flags.learner
            ? `${added.node} is a learner`
            : `${added.node} is added, and votes as soon as it has caught up`,
      ),
    );
  verb('promote', 'make a learner a voter')
    .argument('<node>', 'a learner that has caught up')
    .action(async (node: string, flags: ClusterFlags) =>
      print(flags, await clientFor(flags).promoteMember(node), () => `${node} votes`),
    );
  verb('remove', 'have a node give its work away, take it out and end its process; its folder stays')
    .argument('<node>', 'a voter or a learner')
    .action(async (node: string, flags: ClusterFlags) =>
      print(flags, await clientFor(flags, PATIENT).removeNode(node), () => `${node} is removed`),
    );
  addRescueCommands(program, verb);
}
