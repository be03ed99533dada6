import type { Command } from 'commander';
import { findCluster, settingsFor } from '../cluster-access.ts';

interface ExplainFlags {
  readonly dir?: string;
  readonly json?: true;
}

/** `tutti explain SESSION TASK`: what a task waits for. */
export function addExplainCommand(program: Command): void {
  program
    .command('explain')
    .description('say why a task is where it is')
    .argument('<session>', 'a session id')
    .argument('<task>', 'a task id of that session')
    .option('--dir <directory>', 'where the cluster keeps its state (default .tutti)')
    .option('--json', 'print one JSON document')
    .action(async (session: string, task: string, flags: ExplainFlags) => {
      const { values } = settingsFor({ 'cluster.directory': flags.dir }, program.opts()['config']);
      const answer = await findCluster(values['cluster.directory']).explain(session, task);
      const text = flags.json
        ? JSON.stringify(answer, undefined, 2)
        : [
            `${task} is ${answer.state}`,
            ...answer.blockers.map((blocker) => `  ${blocker.kind}: ${blocker.text}`),
          ].join('\n');
      process.stdout.write(`${text}\n`);
    });
}
