import type { ActorNodeInfo } from '@tutti/runtime';
import type { Command } from 'commander';
import { findCluster, settingsFor } from '../cluster-access.ts';

interface TreeFlags {
  readonly dir?: string;
  readonly json?: true;
}

/** `tutti tree`: every node's actors under their supervisors. */
export function addTreeCommand(program: Command): void {
  program
    .command('tree')
    .description('show the supervision tree of each node')
    .option('--dir <directory>', 'where the cluster keeps its state (default .tutti)')
    .option('--json', 'print one JSON document')
    .action(async (flags: TreeFlags) => {
      const { values } = settingsFor({ 'cluster.directory': flags.dir }, program.opts()['config']);
      const trees = await findCluster(values['cluster.directory']).trees();
      const text = flags.json
        ? JSON.stringify(trees, undefined, 2)
        : trees
            .map(({ node, tree, notShown }) =>
              [
                node,
                ...branches(tree, ''),
                ...(notShown > 0 ? [`and ${notShown} more, which \`tutti trace\` can find`] : []),
              ].join('\n'),
            )
            .join('\n\n');
      process.stdout.write(`${text}\n`);
    });
}

function branches(actors: readonly ActorNodeInfo[], indent: string): string[] {
  return actors.flatMap((actor, index) => {
    const last = index === actors.length - 1;
    const name = actor.entity ?? actor.path.slice(actor.path.lastIndexOf('/') + 1);
    const facts = [
      actor.thread === undefined ? actor.logic : `${actor.logic} on thread ${actor.thread}`,
      actor.state,
      ...(actor.value === undefined ? [] : [JSON.stringify(actor.value)]),
      `mailbox ${actor.mailboxDepth}`,
      `restarts ${actor.restarts}`,
    ];
    return [
      `${indent}${last ? '└─ ' : '├─ '}${name}  (${facts.join(', ')})`,
      ...branches(actor.children, `${indent}${last ? '   ' : '│  '}`),
    ];
  });
}
