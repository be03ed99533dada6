import type { Command } from 'commander';
import { findCluster, settingsFor } from '../cluster-access.ts';

interface CancelFlags {
  readonly dir?: string;
  readonly reason: string;
  readonly json?: true;
}

/** `tutti cancel SESSION`: ends a session; what of it runs is stopped. */
export function addCancelCommand(program: Command): void {
  program
    .command('cancel')
    .description('end a session and stop what of it runs')
    .argument('<session>', 'a session id')
    .option('--dir <directory>', 'where the cluster keeps its state (default .tutti)')
    .option('--reason <text>', 'what is written into the log', 'cancelled from the command line')
    .option('--json', 'print one JSON document')
    .action(async (session: string, flags: CancelFlags) => {
      const { values } = settingsFor({ 'cluster.directory': flags.dir }, program.opts()['config']);
      const client = findCluster(values['cluster.directory']);
      await client.cancel(session, flags.reason);
      const { state } = await client.session(session);
      const text = flags.json ? JSON.stringify({ session, state }, undefined, 2) : `${session} is ${state}`;
      process.stdout.write(`${text}\n`);
    });
}
