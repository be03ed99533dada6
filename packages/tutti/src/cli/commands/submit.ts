import { resolve } from 'node:path';
import type { Command } from 'commander';
import { loadPlan } from '../../plan/load-plan.ts';
import { RunProgress } from '../../run/run-progress.ts';
import { makeSessionFolder, newSessionId } from '../../run/session-folder.ts';
import { submitPlan } from '../../run/submit-plan.ts';
import { findCluster, settingsFor } from '../cluster-access.ts';
import { EXIT } from '../exit.ts';
import { onInterrupt } from '../interrupt.ts';
import { print } from '../print.ts';
import { Terminal } from '../terminal.ts';

interface SubmitFlags {
  readonly dir?: string;
  readonly mode?: string;
  readonly out?: string;
  readonly detach?: true;
  readonly json?: true;
}

/** `tutti submit PLAN`: a session on the cluster that `tutti up` keeps. */
export function addSubmitCommand(program: Command): void {
  program
    .command('submit')
    .description('give a plan to the cluster that `tutti up` keeps, and follow it')
    .argument('<plan>', 'a plan in YAML, JSON or TypeScript, or a WfFormat trace')
    .option('--dir <directory>', 'where the cluster keeps its state (default .tutti)')
    .option('--mode <mode>', 'eager or wave (default eager)')
    .option('--out <folder>', 'where the session folder is made (default tutti-out)')
    .option('--detach', 'print the session id and do not follow')
    .option('--json', 'print one JSON document, and progress nowhere')
    .addHelpText('after', '\nCtrl-C ends the following; the session goes on until `tutti cancel SESSION`.')
    .action(async (plan: string, flags: SubmitFlags) => {
      const { values } = settingsFor(
        { 'cluster.directory': flags.dir, 'run.mode': flags.mode, 'run.folder': flags.out },
        program.opts()['config'],
      );
      const directory = resolve(values['cluster.directory']);
      const client = findCluster(directory);
      const loaded = await loadPlan(plan, { functions: [] });
      const session = newSessionId();
      const folder = makeSessionFolder(values['run.folder'], session);
      const mode = values['run.mode'];
      if (flags.detach) {
        await client.submit({ session, plan: loaded.plan, mode, folder });
        return print(flags, { session, folder, directory }, () => session);
      }
      const { signal, release } = onInterrupt();
      try {
        const listener = new RunProgress(new Terminal(flags.json ? process.stderr : process.stdout));
        const run = await submitPlan({ loaded, client, directory, session, mode, folder, listener, signal });
        if (!run) {
          process.exitCode = EXIT.interrupted;
          return print(
            flags,
            { session, folder, directory },
            () => `${session} goes on; tutti cancel ${session}`,
          );
        }
        if (flags.json) print(flags, run, () => '');
        process.exitCode ||= run.state === 'done' ? EXIT.done : EXIT.failed;
      } finally {
        release();
      }
    });
}
